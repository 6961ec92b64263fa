# What the programs need beside the library.
find_package(CLI11 REQUIRED)
find_path(ETHREED_LIBEDIT_INCLUDE histedit.h)
find_library(ETHREED_LIBEDIT edit)
if(NOT ETHREED_LIBEDIT_INCLUDE OR NOT ETHREED_LIBEDIT)
  message(FATAL_ERROR "libedit (histedit.h, libedit) is not there; install it: tools/install_packages.sh")
endif()
# What `ethreed serve` speaks HTTP with: Debian has it compiled. tools/CMakeLists.txt says with which options.
ethreed_library(ethreed_httplib httplib.h cpp-httplib libcpp-httplib-dev)
# The library that draws the charts of `ethreed report`: its one file becomes part of the program.
find_file(ETHREED_CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js /usr/local/share/javascript/chart.js)
if(NOT ETHREED_CHART_JS)
  message(FATAL_ERROR "chart.min.js (Chart.js 3) is not there; install it (Debian's package libjs-chart.js): "
                      "tools/install_packages.sh, or name it with -DETHREED_CHART_JS=FILE")
endif()
file(READ ${ETHREED_CHART_JS} ethreed_chart_head LIMIT 400)
string(REGEX MATCH "Chart\\.js v(3\\.[0-9.]+).*typeof exports" ethreed_chart_found "${ethreed_chart_head}")
set(ETHREED_CHART_VERSION ${CMAKE_MATCH_1})
if(NOT ETHREED_CHART_VERSION)
  message(FATAL_ERROR "${ETHREED_CHART_JS}: is not Chart.js 3 for a browser (chart.min.js), for which the page of "
                      "`ethreed report` is written; name another file with -DETHREED_CHART_JS=FILE")
endif()
