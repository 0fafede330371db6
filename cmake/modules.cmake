# hexcore_module(NAME SOURCES ... DEPENDS ...): the static library hexcore_NAME of src/hexcore/NAME.
# hexcore_test(NAME SOURCES ... DEPENDS ...): the GoogleTest program test_NAME of tests/NAME.
function(hexcore_module name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
    add_library(hexcore_${name} STATIC ${ARG_SOURCES})
    target_link_libraries(hexcore_${name} PUBLIC hexcore_settings ${ARG_DEPENDS})
endfunction()

function(hexcore_test name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
    add_executable(test_${name} ${ARG_SOURCES})
    target_link_libraries(test_${name} PRIVATE
        hexcore_settings hexcore_test_support ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
    # What is tested keeps its optimisation; of the tests themselves it takes a quarter of the time.
    target_compile_options(test_${name} PRIVATE $<$<CONFIG:Release>:-O1>)
    # Most of the time that one takes goes into headers that all of a module include. A name of one
    # file may be hidden by that of another then; whether it is within one, a build without it sees.
    if(DEFINED HEXCORE_UNITY)
        set_target_properties(test_${name} PROPERTIES UNITY_BUILD ${HEXCORE_UNITY}
            UNITY_BUILD_CODE_BEFORE_INCLUDE "#pragma GCC diagnostic ignored \"-Wshadow\"")
    endif()
    # Threads of two tests at a time would spin for each other's cores.
    set(properties LABELS ${name} ENVIRONMENT_MODIFICATION OMP_WAIT_POLICY=set:passive)
    if(HEXCORE_SANITIZE MATCHES "thread")
        list(APPEND properties
            ENVIRONMENT "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/cmake/tsan.supp")
    elseif(HEXCORE_SANITIZE MATCHES "address")
        list(APPEND properties
            ENVIRONMENT "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/cmake/lsan.supp")
    endif()
    gtest_discover_tests(test_${name} DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
endfunction()
