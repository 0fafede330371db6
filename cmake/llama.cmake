# Provides the imported targets llama::llama and llama::ggml from a llama.cpp that was built once
# and is kept outside the project.
set(HEXCORE_LLAMA_SOURCE "" CACHE PATH "llama.cpp source tree")
set(HEXCORE_LLAMA_BUILD "" CACHE PATH "its build tree, with shared libraries in bin/")

add_library(llama_headers INTERFACE)
target_include_directories(llama_headers SYSTEM INTERFACE
    ${HEXCORE_LLAMA_SOURCE}/include ${HEXCORE_LLAMA_SOURCE}/src
    ${HEXCORE_LLAMA_SOURCE}/ggml/include ${HEXCORE_LLAMA_SOURCE}/ggml/src)

function(hexcore_import_llama target library)
    add_library(${target} SHARED IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES
        IMPORTED_LOCATION ${HEXCORE_LLAMA_BUILD}/bin/lib${library}.so
        INTERFACE_LINK_LIBRARIES llama_headers)
endfunction()
hexcore_import_llama(llama::ggml-base ggml-base)
hexcore_import_llama(llama::ggml-cpu ggml-cpu)
hexcore_import_llama(llama::ggml ggml)
hexcore_import_llama(llama::llama llama)
