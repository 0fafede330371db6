# The Python package: any Python's, since nothing of it is compiled. It lies in a folder with
# nothing else in it, which `hexcore watch --python`, or a user, can put on the path of any Python
# without bringing along what is installed for another. In a build folder it links to the sources.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/python)
foreach(folder hexcore start)
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/python/${folder} ${PROJECT_BINARY_DIR}/python/${folder}
        SYMBOLIC)
endforeach()
# Beside it, alone in a folder for the same reason, what `hexcore test` has pytest import.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/pytest)
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/integrations/pytest/pytest_hexcore
    ${PROJECT_BINARY_DIR}/pytest/pytest_hexcore SYMBOLIC)
if(HEXCORE_SANITIZE)
    return()
endif()
set(HEXCORE_PYTHON_DIR ${HEXCORE_LIBRARY_DIR}/python)
install(DIRECTORY python/hexcore python/start DESTINATION ${HEXCORE_PYTHON_DIR}
    FILES_MATCHING PATTERN "*.py" PATTERN "__pycache__" EXCLUDE)
# It brings a copy of the package with pip; installed beside it, it has a link.
install(DIRECTORY integrations/pytest/pytest_hexcore DESTINATION ${HEXCORE_LIBRARY_DIR}/pytest
    FILES_MATCHING PATTERN "*.py" PATTERN "__pycache__" EXCLUDE PATTERN "_hexcore" EXCLUDE)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/pytest/installed)
file(CREATE_LINK ../../python/hexcore ${PROJECT_BINARY_DIR}/pytest/installed/_hexcore SYMBOLIC)
install(FILES ${PROJECT_BINARY_DIR}/pytest/installed/_hexcore
    DESTINATION ${HEXCORE_LIBRARY_DIR}/pytest/pytest_hexcore)

# A line by which Debian's own Python finds it, where libraries are in the folders of Debian.
if(CMAKE_INSTALL_LIBDIR MATCHES "^lib(/|$)")
    set(site lib/python3/dist-packages)
    file(RELATIVE_PATH from_site /prefix/${site} /prefix/${HEXCORE_PYTHON_DIR})
    file(WRITE ${PROJECT_BINARY_DIR}/hexcore.pth "${from_site}\n")
    install(FILES ${PROJECT_BINARY_DIR}/hexcore.pth DESTINATION ${site})
endif()
