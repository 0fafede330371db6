# `cmake --install`: the program, the shared libraries of llama.cpp beside it, completions and the
# manual page, each in its usual folder. The last two are printed by the program that was built.
# A build with sanitizers is for tests, and is not installed.

# The assistants that come with the program lie beside it, in a build folder as a link.
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/assistants ${PROJECT_BINARY_DIR}/assistants SYMBOLIC)
if(HEXCORE_SANITIZE)
    return()
endif()
set(HEXCORE_SHELL_DIR ${CMAKE_BINARY_DIR}/shell)
set(HEXCORE_SHELL_FILES "")
function(hexcore_printed_file file)
    add_custom_command(OUTPUT ${HEXCORE_SHELL_DIR}/${file}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${HEXCORE_SHELL_DIR}
        COMMAND hexcore ${ARGN} > ${HEXCORE_SHELL_DIR}/${file}
        DEPENDS hexcore
        COMMENT "Printing ${file}")
    list(APPEND HEXCORE_SHELL_FILES ${HEXCORE_SHELL_DIR}/${file})
    set(HEXCORE_SHELL_FILES ${HEXCORE_SHELL_FILES} PARENT_SCOPE)
endfunction()
hexcore_printed_file(hexcore.bash completion bash)
hexcore_printed_file(_hexcore completion zsh)
hexcore_printed_file(hexcore.fish completion fish)
hexcore_printed_file(hexcore.1 man)
add_custom_target(hexcore_shell_files ALL DEPENDS ${HEXCORE_SHELL_FILES})

install(FILES ${HEXCORE_SHELL_DIR}/hexcore.bash
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME hexcore)
install(FILES ${HEXCORE_SHELL_DIR}/_hexcore
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${HEXCORE_SHELL_DIR}/hexcore.fish
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${HEXCORE_SHELL_DIR}/hexcore.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

# The libraries find each other in their folder, and no longer in the cache where they were built.
set_target_properties(hexcore PROPERTIES INSTALL_RPATH "$ORIGIN/${HEXCORE_LIBRARY_FROM_BIN}")
install(TARGETS hexcore RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY assistants DESTINATION ${HEXCORE_LIBRARY_DIR})
install(TARGETS hexcore-supervisor hexcore-tracer RUNTIME DESTINATION ${HEXCORE_LIBRARY_DIR})
set_target_properties(ggml-hexcore PROPERTIES INSTALL_RPATH "$ORIGIN")
install(TARGETS ggml-hexcore LIBRARY DESTINATION ${HEXCORE_LIBRARY_DIR})
if(TARGET hexcore-cuda)
    install(TARGETS hexcore-cuda LIBRARY DESTINATION ${HEXCORE_LIBRARY_DIR})
endif()
install(DIRECTORY ${HEXCORE_LLAMA_BUILD_DIR}/bin/ DESTINATION ${HEXCORE_LIBRARY_DIR}
    FILES_MATCHING PATTERN "libggml*.so*" PATTERN "libllama.so*")
# Parts of llama.cpp, and what it is made with, are in the program itself.
install(FILES ${HEXCORE_LLAMA_SOURCE_DIR}/LICENSE
    DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME LICENSE-llama.cpp)
install(FILES ${HEXCORE_LLAMA_SOURCE_DIR}/licenses/LICENSE-jsonhpp
    DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
install(CODE "
    file(GLOB libraries \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${HEXCORE_LIBRARY_DIR}/*.so\")
    foreach(library IN LISTS libraries)
        file(REAL_PATH \"\${library}\" real)
        # RPATH_SET refuses a library that has none.
        file(STRINGS \"\${real}\" searched REGEX \"${HEXCORE_LLAMA_BUILD_DIR}/bin\"
            LIMIT_COUNT 1)
        if(searched)
            file(RPATH_SET FILE \"\${real}\" NEW_RPATH \"\$ORIGIN\")
        endif()
    endforeach()")
