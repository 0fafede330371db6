# Warnings and sanitizers for our own code, as interface targets; never applied to dependencies.
add_library(hexcore_settings INTERFACE)
target_compile_options(hexcore_settings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    # A newer compiler may know warnings of its own, which is no reason for a user's build to
    # fail.
    $<$<BOOL:${HEXCORE_WERROR}>:-Werror>
    $<$<BOOL:${HEXCORE_QUICK}>:-O1>
    # Part of -Wconversion for clang, but not for g++.
    $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion>)
target_include_directories(hexcore_settings INTERFACE ${PROJECT_SOURCE_DIR}/src)

set(HEXCORE_SANITIZE "" CACHE STRING "sanitizers for our own code: address,undefined or thread")
if(HEXCORE_SANITIZE)
    target_compile_options(hexcore_settings INTERFACE
        -fsanitize=${HEXCORE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
    target_link_options(hexcore_settings INTERFACE -fsanitize=${HEXCORE_SANITIZE})
endif()

# A compiler cache is used where there is one; giving CMAKE_CXX_COMPILER_LAUNCHER chooses another.
find_program(HEXCORE_CCACHE ccache)
if(HEXCORE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${HEXCORE_CCACHE})
endif()

# Where libraries are installed: a folder of their own, so that no other llama.cpp on the machine is
# hidden. HEXCORE_LIBRARY_FROM_BIN is the way there from the program.
include(GNUInstallDirs)
set(HEXCORE_LIBRARY_DIR ${CMAKE_INSTALL_LIBDIR}/hexcore)
file(RELATIVE_PATH HEXCORE_LIBRARY_FROM_BIN
    /prefix/${CMAKE_INSTALL_BINDIR} /prefix/${HEXCORE_LIBRARY_DIR})
