# Provides the imported targets llama::llama, llama::ggml, llama::chat and llama::httplib from a
# llama.cpp that was built once and is kept outside the project: cmake/build_llama.sh finds or makes
# it and says where it is.
set(HEXCORE_LLAMA_SOURCE "" CACHE PATH "a checkout of llama.cpp, instead of the pinned version")
set(HEXCORE_LLAMA_BUILD "" CACHE PATH "its build folder, with shared libraries in bin/")
set(HEXCORE_LLAMA_ARCHIVE "" CACHE FILEPATH "a local copy of the pinned archive of llama.cpp")
option(HEXCORE_CUDA "build ggml's CUDA backend, too; needs the CUDA toolkit" OFF)

# What is given here goes before what the environment says.
set(HEXCORE_LLAMA_ENVIRONMENT "")
foreach(name HEXCORE_LLAMA_SOURCE HEXCORE_LLAMA_BUILD HEXCORE_LLAMA_ARCHIVE)
    if(${name})
        list(APPEND HEXCORE_LLAMA_ENVIRONMENT "${name}=${${name}}")
    endif()
endforeach()

set(HEXCORE_LLAMA_TARGETS ggml llama chat)
if(HEXCORE_TESTS)
    list(APPEND HEXCORE_LLAMA_TARGETS ggml-rpc-server)  # the tests' other machine
endif()
if(HEXCORE_CUDA)
    list(APPEND HEXCORE_LLAMA_TARGETS ggml-cuda)
endif()
execute_process(
    COMMAND ${CMAKE_COMMAND} -E env ${HEXCORE_LLAMA_ENVIRONMENT}
        ${PROJECT_SOURCE_DIR}/cmake/build_llama.sh ${HEXCORE_LLAMA_TARGETS}
    OUTPUT_VARIABLE HEXCORE_LLAMA_PATHS
    RESULT_VARIABLE HEXCORE_LLAMA_RESULT)
if(HEXCORE_LLAMA_RESULT)
    message(FATAL_ERROR "llama.cpp is missing (see above)")
endif()
string(REGEX MATCH "source ([^\n]*)\nbuild ([^\n]*)" unused "${HEXCORE_LLAMA_PATHS}")
set(HEXCORE_LLAMA_SOURCE_DIR "${CMAKE_MATCH_1}")
set(HEXCORE_LLAMA_BUILD_DIR "${CMAKE_MATCH_2}")
string(REGEX MATCH "\nchat ([^\n]*)" unused "${HEXCORE_LLAMA_PATHS}")
set(HEXCORE_LLAMA_CHAT_DIR "${CMAKE_MATCH_1}")
message(STATUS "llama.cpp: ${HEXCORE_LLAMA_BUILD_DIR}")
# So that ./dev notices when the cache holds another build than the one that this folder uses.
file(WRITE ${CMAKE_BINARY_DIR}/llama.paths
    "source ${HEXCORE_LLAMA_SOURCE_DIR}\nbuild ${HEXCORE_LLAMA_BUILD_DIR}\n"
    "chat ${HEXCORE_LLAMA_CHAT_DIR}\n")

add_library(llama_headers INTERFACE)
target_include_directories(llama_headers SYSTEM INTERFACE
    ${HEXCORE_LLAMA_SOURCE_DIR}/include ${HEXCORE_LLAMA_SOURCE_DIR}/src
    ${HEXCORE_LLAMA_SOURCE_DIR}/ggml/include ${HEXCORE_LLAMA_SOURCE_DIR}/ggml/src)

function(hexcore_import_llama target library)
    add_library(${target} SHARED IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES
        IMPORTED_LOCATION ${HEXCORE_LLAMA_BUILD_DIR}/bin/lib${library}.so
        INTERFACE_LINK_LIBRARIES llama_headers)
endfunction()
# libggml-base.so -> libggml-base.so.0.25.3; empty for a build without versions in its names.
file(REAL_PATH ${HEXCORE_LLAMA_BUILD_DIR}/bin/libggml-base.so HEXCORE_GGML_LIBRARY)
string(REGEX MATCH "[.]so[.](.*)$" unused "${HEXCORE_GGML_LIBRARY}")
set(HEXCORE_GGML_VERSION "${CMAKE_MATCH_1}")

hexcore_import_llama(llama::ggml-base ggml-base)
hexcore_import_llama(llama::ggml-cpu ggml-cpu)
hexcore_import_llama(llama::ggml ggml)
hexcore_import_llama(llama::llama llama)

# Of llama.cpp's common, see cmake/chat. Its headers give names to whoever includes them: to be
# linked PRIVATE.
add_library(llama::chat STATIC IMPORTED GLOBAL)
set_target_properties(llama::chat PROPERTIES
    IMPORTED_LOCATION ${HEXCORE_LLAMA_CHAT_DIR}/libllama-chat.a
    INTERFACE_LINK_LIBRARIES "llama::llama;llama::ggml-base")
target_include_directories(llama::chat SYSTEM INTERFACE
    ${HEXCORE_LLAMA_SOURCE_DIR}/common ${PROJECT_SOURCE_DIR}/cmake/chat)
add_library(llama::httplib STATIC IMPORTED GLOBAL)
set_target_properties(llama::httplib PROPERTIES
    IMPORTED_LOCATION ${HEXCORE_LLAMA_CHAT_DIR}/libhttplib.a
    INTERFACE_LINK_LIBRARIES Threads::Threads)
target_include_directories(llama::httplib SYSTEM INTERFACE
    ${HEXCORE_LLAMA_SOURCE_DIR}/vendor/cpp-httplib)
