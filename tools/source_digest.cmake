# Writes HEADER with a digest of all that prices depend on: the files of models/ and sim/ in SOURCE.
file(GLOB files RELATIVE ${SOURCE} ${SOURCE}/models/*.[ch] ${SOURCE}/models/base/*.[ch]
     ${SOURCE}/sim/*.[ch] ${SOURCE}/sim/*.cpp)
list(SORT files)
set(all "")
foreach(file ${files})
  file(SHA256 ${SOURCE}/${file} digest)
  string(APPEND all "${file} ${digest}\n")
endforeach()
string(SHA256 digest "${all}")
string(SUBSTRING ${digest} 0 16 digest)
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define EPSIM_SOURCE_DIGEST \"${digest}\"\n")
