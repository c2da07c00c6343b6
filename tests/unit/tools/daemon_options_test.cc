// Tests of the daemon's command line.
#include "daemon_options.h"

#include "check.h"

using namespace fusebay;

namespace {

Result<DaemonRequest, Error> Parse(const std::vector<std::string>& words) {
  FB_ASSIGN(const ParsedArguments arguments, ParseArguments(DaemonOptionSpecs(), words));
  return ParseDaemonArguments(arguments);
}

}  // namespace

TEST(StepsKeepTheirOrder) {
  const auto request = Parse({"--blockdev", "file,a=b", "--object=iothread,id=t", "--blockdev",
                              "raw", "--export", "x", "--monitor", "q"});
  CHECK_OK(request);
  std::string order;
  for (const DaemonStep& step : request->steps) {
    order += std::string(step.option) + " ";
  }
  CHECK_EQ(order, "blockdev object blockdev export monitor ");
  CHECK_EQ(request->steps[0].Name(), "--blockdev file,a=b");
}

TEST(PlacesAndModeAreNoSteps) {
  const auto request = Parse({"--pidfile", "p", "--daemonize"});
  CHECK_OK(request);
  CHECK(request->steps.empty());
  CHECK_EQ(*request->pid_file, "p");
  CHECK(request->daemonize);
}

TEST(WhatFusebayHasNotIsRefusedByName) {
  CHECK_MESSAGE(Parse({"--nbd-server", "addr.type=unix"}),
                "--nbd-server addr.type=unix: fusebay has no NBD server");
  CHECK_MESSAGE(Parse({"-T", "x"}), "--trace x: fusebay has no trace points");
  CHECK_MESSAGE(Parse({"--no-such-option"}), "unknown option '--no-such-option'");
}

TEST(OperandIsRefused) { CHECK_MESSAGE(Parse({"disk.img"}), "disk.img: Unexpected argument"); }

TEST(HelpOfObjects) {
  CHECK(Parse({"--object", "help"})->help.find("iothread\n") != std::string::npos);
  CHECK(Parse({"--object", "iothread,help"})->help.find("poll-max-ns=<int>") != std::string::npos);
  CHECK_MESSAGE(Parse({"--object", "no-such,help"}), "--object no-such,help: Parameter 'qom-type'");
}

TEST(HelpOfChardevs) {
  CHECK_EQ(Parse({"--chardev", "help"})->help,
           "Available chardev backend types:\n  file\n  null\n  socket\n  stdio\n");
}

TEST(HelpOfOthersIsNotAvailable) {
  for (const char* option : {"--blockdev", "--export", "--monitor"}) {
    CHECK_MESSAGE(Parse({option, "help"}), "help: Help is not available for this option");
  }
}

TEST(WithoutAWordOfHelpThereIsNone) {
  CHECK_EQ(Parse({"--object", "iothread,id=t", "--chardev", "null,id=q"})->help, "");
}
