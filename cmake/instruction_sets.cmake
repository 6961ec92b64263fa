# For which instruction sets the kernels of the CPU are compiled. ETHREED_NATIVE: for the processor at hand, as all files are.
# Otherwise once for each of ETHREED_INSTRUCTION_SETS, all other files for every processor of the family; the program chooses
# when it starts (core/instruction_set.h).
#
# Inline functions and templates of headers have the same names in every set, and a linker keeps one body of each: an AVX-512
# body of std::vector could end up where an old processor runs it. So the objects of a set are linked to one, in which only
# the names with the set's tag stay visible: the kernels. tests/kernels/instruction_sets.sh holds the build to it.

set(ETHREED_INSTRUCTION_SETS "" CACHE STRING
    "Without ETHREED_NATIVE: for which the CPU's kernels are compiled, of sse2;avx2;avx512;avx512_bf16 (Arm: neon); empty: all")

# As InstructionSet of core/instruction_set.h has them.
set(ethreed_set_names native sse2 avx2 avx512 avx512_bf16 neon)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(ethreed_family_sets neon)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(ethreed_family_sets sse2 avx2 avx512 avx512_bf16)
else()
  set(ethreed_family_sets)  # a family that we know nothing of: one set, with the flags of all files
endif()
# What core/instruction_set.cpp asks the processor for, and no more.
set(ethreed_flags_of_avx2 -mavx2 -mfma -mbmi -mbmi2)
set(ethreed_flags_of_avx512 ${ethreed_flags_of_avx2} -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl
    -mprefer-vector-width=512)
# The instructions of AMX are written by hand, and only a process that may use them gets there (kernels/gemm/matrix_unit.h).
set(ethreed_flags_of_avx512_bf16 ${ethreed_flags_of_avx512} -mavx512bf16 -mamx-tile -mamx-bf16)

# Checks the options, and tells all files (target `flags`) which sets there are. `ethreed_sets`: those that are to be compiled
# apart; none where one set has the flags of all files.
macro(ethreed_choose_instruction_sets flags)
  set(ethreed_sets)
  if(ETHREED_NATIVE OR NOT ethreed_family_sets)
    if(ETHREED_INSTRUCTION_SETS)
      message(FATAL_ERROR "ETHREED_INSTRUCTION_SETS is '${ETHREED_INSTRUCTION_SETS}', and this build has one set: ETHREED_NATIVE "
                          "is on (turn it off: preset portable), or ${CMAKE_SYSTEM_PROCESSOR} is no family with sets of ours")
    endif()
  else()
    list(GET ethreed_family_sets 0 ethreed_baseline)
    set(ethreed_sets ${ethreed_family_sets})
    if(ETHREED_INSTRUCTION_SETS)
      foreach(set ${ETHREED_INSTRUCTION_SETS})
        if(NOT set IN_LIST ethreed_family_sets)
          message(FATAL_ERROR "ETHREED_INSTRUCTION_SETS: '${set}' is not one of ${ethreed_family_sets}")
        endif()
      endforeach()
      set(ethreed_sets ${ETHREED_INSTRUCTION_SETS})
      list(REMOVE_DUPLICATES ethreed_sets)
    elseif(ETHREED_SANITIZE)
      set(ethreed_sets ${ethreed_baseline})
    endif()
    if(ethreed_sets STREQUAL ethreed_baseline)
      target_compile_definitions(${flags} INTERFACE ETHREED_INSTRUCTION_SET=${ethreed_baseline})
      set(ethreed_sets)
    else()
      if(ETHREED_SANITIZE)
        message(FATAL_ERROR "ETHREED_SANITIZE with ETHREED_INSTRUCTION_SETS '${ethreed_sets}': a sanitizer wants to see all objects "
                            "as they are compiled; name ${ethreed_baseline} alone, or turn ETHREED_NATIVE on")
      endif()
      foreach(set ${ethreed_set_names})
        string(TOUPPER ${set} upper)
        if(set IN_LIST ethreed_sets)
          target_compile_definitions(${flags} INTERFACE ETHREED_WITH_${upper}=true)
        elseif(NOT set STREQUAL "native")
          target_compile_definitions(${flags} INTERFACE ETHREED_WITH_${upper}=false)
        endif()
      endforeach()
    endif()
  endif()
endmacro()

# Takes the kernels of the CPU out of the list `sources` and, for every set, puts the object of its kernels into the library
# that is made of them: ethreed_take_instruction_sets(LIST), then ethreed_add_instruction_sets(LIBRARY).
macro(ethreed_take_instruction_sets sources)
  if(ethreed_sets)
    set(ethreed_set_sources ${${sources}})
    list(FILTER ethreed_set_sources INCLUDE REGEX "_cpu\\.cpp$|/gemm/matrix_unit\\.cpp$")
    list(REMOVE_ITEM ${sources} ${ethreed_set_sources})
    set(ethreed_set_sources ${ethreed_set_sources} PARENT_SCOPE)
  endif()
endmacro()

function(ethreed_add_instruction_sets library)
  foreach(set ${ethreed_sets})
    set(kernels ethreed_kernels_${set})
    add_library(${kernels} OBJECT ${ethreed_set_sources})
    target_link_libraries(${kernels} PRIVATE ethreed_core)
    target_compile_options(${kernels} PRIVATE ${ethreed_flags_of_${set}})
    target_compile_definitions(${kernels} PRIVATE ETHREED_INSTRUCTION_SET=${set})
    set_target_properties(${kernels} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)  # its objects hold no code to be linked so
    list(FIND ethreed_set_names ${set} number)
    set(whole ${PROJECT_BINARY_DIR}/instruction_sets/kernels_${set}.o)
    add_custom_command(OUTPUT ${whole}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/instruction_sets
      COMMAND ${CMAKE_LINKER} -r --force-group-allocation -o ${whole}.all $<TARGET_OBJECTS:${kernels}>
      COMMAND ${CMAKE_OBJCOPY} --wildcard "--keep-global-symbol=*5CpuOfILNS_14InstructionSetE${number}EE*" ${whole}.all ${whole}
      COMMAND ${CMAKE_COMMAND} -E rm ${whole}.all
      DEPENDS ${kernels} $<TARGET_OBJECTS:${kernels}>
      COMMENT "Linking the kernels for ${set}"
      COMMAND_EXPAND_LISTS VERBATIM)
    set_source_files_properties(${whole} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
    target_sources(${library} PRIVATE ${whole})
  endforeach()
endfunction()
