# libhexcore-tracker.so: what a program tells of itself, and a tracker in it, in C; with a header
# for C++ over it. Without ggml, and without what of Hexcore it does not need.
if(HEXCORE_SANITIZE)
    return()
endif()
add_library(hexcore_tracker_library SHARED
    $<TARGET_OBJECTS:hexcore_track> $<TARGET_OBJECTS:hexcore_tracker>)
set_target_properties(hexcore_tracker_library PROPERTIES
    OUTPUT_NAME hexcore-tracker EXPORT_NAME tracker LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}
    LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/libhexcore-tracker.map)
target_include_directories(hexcore_tracker_library INTERFACE
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(hexcore_tracker_library INTERFACE cxx_std_20)
target_link_libraries(hexcore_tracker_library
    INTERFACE fmt::fmt tl::expected  # of the header for C++
    PRIVATE hexcore_tracker)
target_link_options(hexcore_tracker_library PRIVATE
    LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/libhexcore-tracker.map
    LINKER:--as-needed LINKER:--gc-sections)

install(TARGETS hexcore_tracker_library EXPORT HexcoreTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
file(RELATIVE_PATH from_folder /prefix/${HEXCORE_LIBRARY_DIR} /prefix/${CMAKE_INSTALL_LIBDIR})
set_target_properties(hexcore-nvtx PROPERTIES INSTALL_RPATH "$ORIGIN/${from_folder}")
install(TARGETS hexcore-nvtx LIBRARY DESTINATION ${HEXCORE_LIBRARY_DIR})
configure_file(cmake/hexcore-tracker.pc.in ${PROJECT_BINARY_DIR}/hexcore-tracker.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/hexcore-tracker.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
