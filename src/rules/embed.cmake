# SPDX-License-Identifier: Apache-2.0
# cmake -DOUTPUT=FILE -DTABLES=a.json,b.json -P embed.cmake
# Writes each table as {"name", R"json(text)json"}, to be included between braces.
string(REPLACE "," ";" TABLES "${TABLES}")
set(entries "")
foreach(path ${TABLES})
  get_filename_component(name "${path}" NAME_WE)
  file(READ "${path}" text)
  string(APPEND entries "{\"${name}\", R\"json(${text})json\"},\n")
endforeach()
file(WRITE "${OUTPUT}" "${entries}")
