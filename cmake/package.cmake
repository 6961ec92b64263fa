# What belongs to the program beside itself, and the Debian package: cpack -G DEB in a build of the preset `package`, which
# tools/package.sh does.
if(NOT ETHREED_INSTALL OR NOT ETHREED_TOOLS)
  return()
endif()

# Manual pages and completions are made by the program, from its own parser of command lines. Not for another machine: the
# program must run here.
set(ethreed_pages ${PROJECT_BINARY_DIR}/man)
set(ethreed_completions ${PROJECT_BINARY_DIR}/completions)
add_custom_command(OUTPUT ${ethreed_pages}/stamp
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${ethreed_pages} ${ethreed_completions}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${ethreed_pages} ${ethreed_completions}
  COMMAND ethreed manual --out ${ethreed_pages}
  COMMAND ethreed completion bash > ${ethreed_completions}/ethreed
  COMMAND ethreed completion zsh > ${ethreed_completions}/_ethreed
  COMMAND ethreed completion fish > ${ethreed_completions}/ethreed.fish
  COMMAND gzip -9n ${ethreed_pages}/*.1
  COMMAND ${CMAKE_COMMAND} -E touch ${ethreed_pages}/stamp
  DEPENDS ethreed)
add_custom_target(ethreed_pages ALL DEPENDS ${ethreed_pages}/stamp)
install(DIRECTORY ${ethreed_pages}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program FILES_MATCHING PATTERN *.1.gz)
install(FILES ${ethreed_completions}/ethreed DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT program)
install(FILES ${ethreed_completions}/_ethreed DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT program)
install(FILES ${ethreed_completions}/ethreed.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT program)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/samples DESTINATION ${CMAKE_INSTALL_DATADIR}/ethreed COMPONENT program)

# Documents that Debian wants of a package. Whoever passes it on gives an address that answers.
set(ETHREED_MAINTAINER "The ETHREED authors <ethreed@localhost>" CACHE STRING "Maintainer of the Debian package: NAME <ADDRESS>")
string(TIMESTAMP ethreed_package_date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # that of SOURCE_DATE_EPOCH where it is set
set(ethreed_documents ${PROJECT_BINARY_DIR}/documents)
configure_file(${PROJECT_SOURCE_DIR}/cmake/debian/changelog.in ${ethreed_documents}/changelog.Debian @ONLY)
file(COPY_FILE ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${ethreed_documents}/changelog)
add_custom_command(OUTPUT ${ethreed_documents}/changelog.Debian.gz ${ethreed_documents}/changelog.gz
  COMMAND gzip -9nkf ${ethreed_documents}/changelog.Debian ${ethreed_documents}/changelog
  DEPENDS ${ethreed_documents}/changelog.Debian ${ethreed_documents}/changelog)
add_custom_target(ethreed_documents ALL DEPENDS ${ethreed_documents}/changelog.Debian.gz ${ethreed_documents}/changelog.gz)
install(FILES ${PROJECT_SOURCE_DIR}/cmake/debian/copyright ${ethreed_documents}/changelog.Debian.gz ${ethreed_documents}/changelog.gz
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/ethreed COMPONENT program)
install(FILES ${PROJECT_SOURCE_DIR}/cmake/debian/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides
  RENAME ethreed COMPONENT program)

set(CPACK_PACKAGE_NAME ethreed)
set(CPACK_PACKAGE_VENDOR "The ETHREED authors")
set(CPACK_PACKAGE_CONTACT "${ETHREED_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "dialogue models that track emotions, and their tensor engine")
set(CPACK_PACKAGE_DESCRIPTION "ethreed prepares corpora of dialogues, trains models that follow how a
person feels, evaluates them and lets them answer: in a terminal, in a
browser, over HTTP.

The tensor engine beneath it has reverse-mode automatic differentiation and
is there as a C++20 library, for CMake's find_package. A small corpus to try
everything with is in /usr/share/ethreed/samples.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# To link the library. Who only talks to models needs none of them.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS
    "g++, cmake, make, libfmt-dev, nlohmann-json3-dev, libboost-context-dev, zlib1g-dev, libstemmer-dev, libutf8proc-dev, libzip-dev")
include(CPack)
