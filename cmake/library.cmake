# The library as others get it: the target ethreed::ethreed, its headers, and the files by which find_package(ethreed)
# finds them. docs/library.md tells how it is used.
include(GNUInstallDirs)

# One archive of all floors and the emulated device: kernels and devices call each other, and every program needs both.
# Nothing of ethreed_flags reaches who links it: no warnings, no -march.
add_library(ethreed_whole STATIC)
foreach(part core kernels autograd model emulator emulated_kernels)
  target_sources(ethreed_whole PRIVATE $<TARGET_OBJECTS:ethreed_${part}>)
endforeach()
add_library(ethreed::ethreed ALIAS ethreed_whole)
set_target_properties(ethreed_whole PROPERTIES EXPORT_NAME ethreed OUTPUT_NAME ethreed LINKER_LANGUAGE CXX)
target_compile_features(ethreed_whole PUBLIC cxx_std_20)
target_link_libraries(ethreed_whole
  PUBLIC fmt::fmt nlohmann_json::nlohmann_json Threads::Threads
  PRIVATE Boost::context ethreed_stemmer ethreed_utf8proc ethreed_zip ZLIB::ZLIB ${CMAKE_DL_LIBS})
# Objects that the kernels have beside their own files: those for GPUs, say.
get_target_property(ethreed_more ethreed_kernels SOURCES)
list(FILTER ethreed_more INCLUDE REGEX "\\.o$|TARGET_OBJECTS")
target_sources(ethreed_whole PRIVATE ${ethreed_more})
# Definitions are part of the interface: headers ask which devices there are.
get_target_property(ethreed_definitions ethreed_flags INTERFACE_COMPILE_DEFINITIONS)
if(ethreed_definitions)
  target_compile_definitions(ethreed_whole PUBLIC ${ethreed_definitions})
endif()
if(ETHREED_CUDA)
  target_link_libraries(ethreed_whole PRIVATE CUDA::cudart_static CUDA::cublasLt)
endif()

include(cmake/public_headers.cmake)
# Below include/ethreed, which the target puts on the path: an include reads the same there as in this project.
target_sources(ethreed_whole PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${ethreed_public_headers})

option(ETHREED_INSTALL "Install the library and the programs" ${PROJECT_IS_TOP_LEVEL})
# Whoever takes no part in installing gets what he links, and no more.
if(NOT ETHREED_INSTALL OR ETHREED_SANITIZE OR ETHREED_MUTANTS OR ETHREED_FUZZ)
  set_target_properties(ethreed_whole ethreed_evidence ethreed_model_evidence PROPERTIES EXCLUDE_FROM_ALL ON)
  return()
endif()
include(CMakePackageConfigHelpers)
set(ethreed_package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/ethreed)
install(TARGETS ethreed_whole EXPORT ethreed
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ethreed COMPONENT library)
install(EXPORT ethreed FILE ethreed-targets.cmake NAMESPACE ethreed:: DESTINATION ${ethreed_package_folder}
  COMPONENT library)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/ethreed-config.cmake.in
  ${PROJECT_BINARY_DIR}/ethreed-config.cmake INSTALL_DESTINATION ${ethreed_package_folder})
# Before 1.0 a new minor version may change what the headers declare.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ethreed-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ethreed-config.cmake ${PROJECT_BINARY_DIR}/ethreed-config-version.cmake
  DESTINATION ${ethreed_package_folder} COMPONENT library)
