# The CUDA build: ethreed_add_cuda(<kernels library>) compiles every kernels/**/*.cu by nvcc and puts the objects into that
# library. Off by default, because nvcc takes minutes for all architectures; the preset `cuda` turns it on.
option(ETHREED_CUDA "Compile the kernels for NVIDIA GPUs (needs the CUDA toolkit 12.8 or later; no GPU to build)" OFF)
# 75: T4, RTX 20xx. 80: A100. 86: RTX 30xx. 89: RTX 40xx, L4. 90: H100, H200. 100: B200. 120: RTX 50xx.
set(ETHREED_CUDA_ARCHITECTURES "75;80;86;89;90;100;120" CACHE STRING
    "Compute capabilities that get machine code; the last one gets PTX too, from which later GPUs compile their own")

# Machine code for every architecture, and PTX of the last: "75-real;…;120-real;120-virtual".
function(ethreed_cuda_targets result)
  list(TRANSFORM ETHREED_CUDA_ARCHITECTURES APPEND "-real" OUTPUT_VARIABLE targets)
  list(GET ETHREED_CUDA_ARCHITECTURES -1 last)
  set(${result} "${targets};${last}-virtual" PARENT_SCOPE)
endfunction()

# Host code of .cu files gets the flags of all other code (the same inline functions are compiled by both: one of the two
# is linked, so they must be the same), but its warnings: nvcc rewrites the source into things that -Wpedantic dislikes.
# Sanitizers stay out: they would want the whole of CUDA's runtime instrumented.
function(ethreed_cuda_host_options result)
  get_target_property(options ethreed_flags INTERFACE_COMPILE_OPTIONS)
  list(FILTER options EXCLUDE REGEX "^-(W|fsanitize)")
  list(TRANSFORM options PREPEND "-Xcompiler=")
  set(${result} "${options}" PARENT_SCOPE)
endfunction()

# A macro for the language: enable_language() must be called where the targets that use it are made.
macro(ethreed_enable_cuda)
  if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(ETHREED_NVCC nvcc HINTS ENV CUDA_PATH ENV CUDA_HOME PATHS /usr/local/cuda /opt/cuda PATH_SUFFIXES bin)
    if(ETHREED_NVCC)
      set(CMAKE_CUDA_COMPILER ${ETHREED_NVCC})
    endif()
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  if(NOT CMAKE_CUDA_COMPILER)
    message(FATAL_ERROR
      "ETHREED_CUDA is ON and there is no nvcc. Install the CUDA toolkit, or say where it is "
      "(-DCMAKE_CUDA_COMPILER=/usr/local/cuda/bin/nvcc, or put nvcc on the PATH), or build without CUDA: "
      "cmake --preset cpu has everything but the GPU itself, and runs its kernels in emulation.")
  endif()
  ethreed_cuda_targets(CMAKE_CUDA_ARCHITECTURES)
  enable_language(CUDA)
  if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.8)
    message(FATAL_ERROR "nvcc ${CMAKE_CUDA_COMPILER_VERSION} (${CMAKE_CUDA_COMPILER}) is too old: 12.8 is the first "
                        "that knows compute capabilities 100 and 120")
  endif()
  # CMake 3.25 does not know that this nvcc has C++20.
  foreach(kind STANDARD EXTENSION)
    if(NOT CMAKE_CUDA20_${kind}_COMPILE_OPTION)
      set(CMAKE_CUDA20_${kind}_COMPILE_OPTION "-std=c++20")
    endif()
  endforeach()
  find_package(CUDAToolkit REQUIRED)
  if(ETHREED_CCACHE)
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${ETHREED_CCACHE})
  endif()
endmacro()

# Does nothing unless ETHREED_CUDA is on. To be called in the root CMakeLists.txt.
macro(ethreed_add_cuda kernels)
  if(ETHREED_CUDA)
    ethreed_enable_cuda()
    ethreed_add_cuda_objects(${kernels})
  endif()
endmacro()

# How every .cu file for the GPU is compiled.
function(ethreed_compile_cuda target)
  set_target_properties(${target} PROPERTIES CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  # --expt-relaxed-constexpr: kernels call constexpr functions of the host (std::bit_cast). FMT_USE_CONSTEXPR: fmt's checks
  # of format strings at compile time are more than nvcc 13 can follow. A kernel that spills registers to memory does
  # not build: ptxas warns of it, and its warnings are errors.
  ethreed_cuda_host_options(host_options)
  target_compile_options(${target} PRIVATE --expt-relaxed-constexpr -Xptxas=--warn-on-spills,--warning-as-error
                         ${host_options} -Xcompiler=-Wall,-Wextra,-Wno-missing-field-initializers)
  get_target_property(definitions ethreed_flags INTERFACE_COMPILE_DEFINITIONS)
  if(definitions)
    target_compile_definitions(${target} PRIVATE ${definitions})
  endif()
  target_compile_definitions(${target} PRIVATE FMT_USE_CONSTEXPR=1 ETHREED_CUDA)
  target_link_libraries(${target} PRIVATE fmt::fmt CUDA::toolkit)
endfunction()

function(ethreed_add_cuda_objects kernels)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*.cu)
  list(FILTER sources EXCLUDE REGEX "/kernels/emulation/")
  add_library(ethreed_cuda OBJECT ${sources})
  ethreed_compile_cuda(ethreed_cuda)
  # kernels/common/dispatch.h asks for it: in every file of the build, or one inline function has two bodies.
  target_compile_definitions(ethreed_flags INTERFACE ETHREED_CUDA)
  target_sources(${kernels} PRIVATE $<TARGET_OBJECTS:ethreed_cuda>)
  target_link_libraries(${kernels} PUBLIC CUDA::cudart_static CUDA::cublasLt)
endfunction()
