# Hexcore::testing: headers for programs with GoogleTest or Catch2, without a library.
if(HEXCORE_SANITIZE)
    return()
endif()
add_library(hexcore_testing INTERFACE)
set_target_properties(hexcore_testing PROPERTIES EXPORT_NAME testing)
target_include_directories(hexcore_testing INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/integrations/cpp>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(hexcore_testing INTERFACE cxx_std_11)
install(TARGETS hexcore_testing EXPORT HexcoreTargets)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/integrations/cpp/hexcore/testing
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hexcore FILES_MATCHING PATTERN "*.hpp")
