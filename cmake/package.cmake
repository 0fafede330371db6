# `./dev package`: a Debian package of what `cmake --install` puts into place.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME hexcore)
set(CPACK_PACKAGE_VENDOR "the Hexcore developers")
set(CPACK_PACKAGE_CONTACT "the Hexcore developers <hexcore@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Mixture-of-Experts models within memory budgets")
set(CPACK_PACKAGE_DESCRIPTION "Plans every byte of a Mixture-of-Experts model over devices with \
budgets, down to the single expert; loads it in one attempt that fits or leaves nothing behind; \
runs it through llama.cpp; reports what the memory did. The kernels are built for the processor of \
the machine that made the package; others may not have all its instructions.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS
    ${HEXCORE_LLAMA_BUILD_DIR}/bin ${PROJECT_BINARY_DIR})
# What a program that is built against the library needs of others' headers.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libfmt-dev, libexpected-dev, nlohmann-json3-dev")
# What Python compiled of the package as it was used is not the package's own.
file(WRITE ${PROJECT_BINARY_DIR}/prerm "#!/bin/sh
set -e
folder=\"$DPKG_ROOT/usr/${HEXCORE_PYTHON_DIR}\"
[ ! -d \"$folder\" ] || find \"$folder\" -name __pycache__ -prune -exec rm -r {} +
")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${PROJECT_BINARY_DIR}/prerm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_STRIP_FILES ON)
include(CPack)
