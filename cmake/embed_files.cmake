# cmake -DOUTPUT=FILE.cpp -DFILES=NAME=PATH[,PATH…];… -P embed_files.cmake: a C++ file with a std::string_view of each NAME,
# the contents of its paths one after the other. Arrays of numbers, as compilers limit the length of string literals.
set(code "#include <string_view>\n\nnamespace ethreed {\n\n")
foreach(entry IN LISTS FILES)
  string(REGEX MATCH "^([^=]+)=(.*)$" matched "${entry}")
  set(name ${CMAKE_MATCH_1})
  string(REPLACE "," ";" paths "${CMAKE_MATCH_2}")
  set(bytes "")
  foreach(path IN LISTS paths)
    file(READ "${path}" hex HEX)
    string(APPEND bytes "${hex}0a")
  endforeach()
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(APPEND code "namespace {\nconst unsigned char bytes_of_${name}[] = {${bytes}};\n}\n"
    "extern const std::string_view ${name};\n"
    "const std::string_view ${name}(reinterpret_cast<const char*>(bytes_of_${name}), sizeof bytes_of_${name});\n\n")
endforeach()
file(WRITE "${OUTPUT}" "${code}}  // namespace ethreed\n")
