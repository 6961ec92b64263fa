# For 64-bit Arm from another processor (preset arm64): Debian's cross compiler, the libraries of a Debian for arm64 in a
# folder, and QEMU for what the build itself runs. tools/arm64_check.sh makes the folder.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

set(ETHREED_SYSROOT ${CMAKE_CURRENT_LIST_DIR}/../../build/arm64-sysroot CACHE PATH "Libraries and headers of a Debian for arm64")
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ETHREED_SYSROOT)
get_filename_component(CMAKE_SYSROOT ${ETHREED_SYSROOT} ABSOLUTE)
if(NOT EXISTS ${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu)
  message(FATAL_ERROR "${CMAKE_SYSROOT}: there are no libraries for arm64; run tools/arm64_check.sh --no-build, which puts them "
                      "there, or name another folder with -DETHREED_SYSROOT=DIR")
endif()
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L ${CMAKE_SYSROOT})
