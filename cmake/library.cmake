# libhexcore.so: the modules below cli as one library for other programs, with its headers, and
# files by which CMake and pkg-config find it.
if(HEXCORE_SANITIZE)
    return()
endif()
include(CMakePackageConfigHelpers)

set(objects "")
foreach(module base process ledger device recording track judge watch cage reserve model plan chat
        backend runtime report session api)
    list(APPEND objects $<TARGET_OBJECTS:hexcore_${module}>)
endforeach()
add_library(hexcore_library SHARED ${objects})
set_target_properties(hexcore_library PROPERTIES
    OUTPUT_NAME hexcore EXPORT_NAME hexcore LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}
    INSTALL_RPATH "$ORIGIN/hexcore")
target_include_directories(hexcore_library INTERFACE
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(hexcore_library INTERFACE cxx_std_20)
target_link_libraries(hexcore_library
    PUBLIC fmt::fmt tl::expected nlohmann_json::nlohmann_json
    # As files, since whoever uses the library has no such targets, and needs none.
    PRIVATE $<TARGET_FILE:llama::chat> $<TARGET_FILE:llama::llama> $<TARGET_FILE:llama::ggml>
        $<TARGET_FILE:llama::ggml-base> $<TARGET_FILE:llama::ggml-cpu>
        $<BUILD_INTERFACE:PkgConfig::smartcols> $<BUILD_INTERFACE:PkgConfig::zstd>
        $<BUILD_INTERFACE:PkgConfig::libdw> $<BUILD_INTERFACE:pugixml::pugixml>
        Threads::Threads ${CMAKE_DL_LIBS})
target_link_options(hexcore_library PRIVATE
    LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/libhexcore.map)
set_target_properties(hexcore_library PROPERTIES
    LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/libhexcore.map)
target_link_options(hexcore_library INTERFACE
    "LINKER:-rpath-link,$<INSTALL_PREFIX>/${HEXCORE_LIBRARY_DIR}")

# hexcore_headers(LIST HEADER...): these of src/ and all that they include of ours.
function(hexcore_headers list)
    set(found ${ARGN})
    set(open ${ARGN})
    while(open)
        list(POP_FRONT open header)
        file(STRINGS ${PROJECT_SOURCE_DIR}/src/${header} lines REGEX "^#include \"hexcore/")
        foreach(line IN LISTS lines)
            string(REGEX REPLACE "^#include \"([^\"]*)\".*" "\\1" included "${line}")
            if(NOT included IN_LIST found)
                list(APPEND found ${included})
                list(APPEND open ${included})
            endif()
        endforeach()
    endwhile()
    set(${list} ${found} PARENT_SCOPE)
endfunction()
hexcore_headers(HEXCORE_HEADERS hexcore/hexcore.hpp hexcore/tracker.hpp)
foreach(header IN LISTS HEXCORE_HEADERS)
    # What it includes decides what is installed.
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
        ${PROJECT_SOURCE_DIR}/src/${header})
    get_filename_component(folder ${header} DIRECTORY)
    install(FILES ${PROJECT_SOURCE_DIR}/src/${header}
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/${folder})
endforeach()

install(TARGETS hexcore_library EXPORT HexcoreTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT HexcoreTargets NAMESPACE Hexcore::
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Hexcore)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/HexcoreConfig.cmake.in
    ${PROJECT_BINARY_DIR}/HexcoreConfig.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Hexcore)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/HexcoreConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/HexcoreConfig.cmake
    ${PROJECT_BINARY_DIR}/HexcoreConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Hexcore)
file(RELATIVE_PATH HEXCORE_PREFIX_FROM_PC /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/hexcore.pc.in ${PROJECT_BINARY_DIR}/hexcore.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/hexcore.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
