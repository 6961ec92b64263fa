# ethreed_plant_gemm_faults(OUTPUT): writes gemm_cuda.cu with faults that test::planted_fault switches on. Each must find its
# place once; where one does not, gemm_cuda.cu has changed and its line here must follow.
function(ethreed_plant_gemm_faults output)
  set(source ${PROJECT_SOURCE_DIR}/kernels/gemm/gemm_cuda.cu)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(READ ${source} text)
  set(count 0)
  macro(replace before after)
    string(FIND "${text}" "${before}" first)
    string(FIND "${text}" "${before}" last REVERSE)
    if(first EQUAL -1 OR NOT first EQUAL last)
      message(FATAL_ERROR "tests/kernels/gemm_with_faults.cmake: '${before}' must be once in ${source}")
    endif()
    string(REPLACE "${before}" "${after}" text "${text}")
  endmacro()
  # Of the fault's place, what is right and what is wrong.
  macro(plant place right wrong)
    math(EXPR count "${count} + 1")
    string(REPLACE "${right}" "(test::planted(${count}) ? ${wrong} : ${right})" faulty "${place}")
    replace("${place}" "${faulty}")
  endmacro()

  # Leading dimensions, rows and columns.
  plant("key.n : key.k, key.ldb)" "key.ldb" "key.lda")
  plant("key.k : key.m, key.lda)" "key.lda" "key.ldb")
  plant("key.n, key.m, key.ldc)" "key.ldc" "key.n")
  plant("layout(&result_, key.n" "key.n" "key.m")
  # Transpositions.
  plant("TRANSA, key.b_transposed" "key.b_transposed" "key.a_transposed")
  plant("TRANSB, key.a_transposed" "key.a_transposed" "!key.a_transposed")
  # The bias: left out, that of an earlier product, of double.
  plant("if (key.has_bias)" "key.has_bias" "false")
  plant("if (g.bias != nullptr) set" "g.bias != nullptr" "false")
  plant("if (apart) run_rest" "apart" "false")
  plant("if (apart) product" "apart" "false")
  # beta forgotten, or C added where it should be overwritten.
  plant("g.accumulate ? T{1} : T{0}" "g.accumulate" "false")
  plant("T{1} : T{0};" "T{0}" "T{1}")
  # Operands the other way round.
  plant("g.a, second_" "g.a" "g.b")
  # What the plan of a shape is kept by.
  plant("g.ldc,\n                  common" "g.ldc" "g.n")
  plant("common_alignment({g.a, g.b, g.c})" "common_alignment({g.a, g.b, g.c})" "256U")
  plant("common_alignment({g.bias})" "common_alignment({g.bias})" "256U")
  # The workspace.
  plant("workspace, workspace_bytes, stream)" "workspace_bytes" "0")

  replace("template <class T> void gemm(" "template <class T> void gemm_with_faults(")
  replace("template void gemm(ThisDevice, Context&, const Gemm<float>&)" "template void gemm_with_faults(ThisDevice, Context&, const Gemm<float>&)")
  replace("template void gemm(ThisDevice, Context&, const Gemm<double>&)" "template void gemm_with_faults(ThisDevice, Context&, const Gemm<double>&)")
  string(PREPEND text "#include \"tests/kernels/gemm_with_faults.h\"\n\nconst int ethreed::test::planted_faults = ${count};\n\n")
  file(CONFIGURE OUTPUT ${output} CONTENT "${text}" @ONLY)
endfunction()
