// Tests of blockdev-create and the commands of jobs.
#include "block/qmp_block.h"
#include "qmp_fixture.h"

namespace fusebay::test {
namespace {

struct Scene {
  TemporaryFolder folder;
  Bench bench;
  Jobs jobs;
  EventLog log;
  BlockEvents events{bench.graph, jobs, log, *bench.loop};
  QmpClient client{*bench.loop};
  NodeCommands nodes{bench.graph};
  JobCommands job_commands{bench.graph, jobs};

  Scene() {
    nodes.AddTo(client.commands);
    job_commands.AddTo(client.commands);
  }
  ~Scene() { bench.Run(jobs.CancelAll()); }

  std::string Create(const std::string& options) {
    return client.Do("blockdev-create", "{'job-id': 'j', 'options': " + options + "}");
  }
  // Until the job has ended: why it failed, "done" or what the command says.
  std::string CreateAndWait(const std::string& options) {
    const std::string reply = Create(options);
    if (reply != "{}") {
      return reply;
    }
    while (jobs.Find("j")->status() != JobStatus::kConcluded) {
      bench.loop->RunOnce(true);
    }
    const std::string error = jobs.Find("j")->error();
    Verb("dismiss");
    return error.empty() ? "done" : error;
  }
  std::string Verb(const std::string& verb) { return client.Do("job-" + verb, "{'id': 'j'}"); }
  std::string AddFile(const std::string& name) {
    return client.Do("blockdev-add", "{'driver': 'file', 'node-name': '" + name +
                                         "', 'filename': '" + folder.Sparse(name, 0) + "'}");
  }
};

const std::string kDone = "done";

TEST(AFileIsMade) {
  Scene scene;
  const std::string path = scene.folder.Name("new");
  CHECK_EQ(scene.CreateAndWait("{'driver': 'file', 'filename': '" + path + "', 'size': 4096}"),
           kDone);
  CHECK_EQ(FileSize(path), 4096u);
}

TEST(AnImageIsMadeInANode) {
  Scene scene;
  scene.AddFile("f");
  CHECK_EQ(scene.CreateAndWait("{'driver': 'qcow2', 'file': 'f', 'size': 1048576}"), kDone);
  CHECK_EQ(scene.client.Do("blockdev-add", "{'driver': 'qcow2', 'node-name': 'q', 'file': 'f'}"),
           std::string("{}"));
  CHECK_EQ(scene.bench.graph.Find("q")->size(), 1048576u);
}

TEST(AnImageIsMadeInADefinedNodeWhichIsThenClosed) {
  Scene scene;
  const std::string path = scene.folder.Sparse("image", 0);
  CHECK_EQ(scene.CreateAndWait("{'driver': 'qcow2', 'size': 1048576, 'version': 'v2',"
                               " 'cluster-size': 4096, 'file': {'driver': 'file', 'filename': '" +
                               path + "'}}"),
           kDone);
  CHECK(FileSize(path) > 0);
  CHECK(scene.bench.graph.nodes().empty());
}

TEST(EveryStepIsAnEvent) {
  Scene scene;
  scene.CreateAndWait("{'driver': 'qcow2', 'file': 'x', 'size': 512}");
  std::string all;
  for (const std::string& line : scene.log.lines) {
    CHECK(line.starts_with("JOB_STATUS_CHANGE {\"id\": \"j\", \"status\": "));
    all += line.substr(line.rfind(": ") + 2);
  }
  CHECK_EQ(all, std::string("\"created\"}\"running\"}\"aborting\"}\"concluded\"}\"null\"}"));
}

TEST(AJobIsListedUntilItIsDismissed) {
  Scene scene;
  CHECK_EQ(scene.Create("{'driver': 'qcow2', 'file': 'x', 'size': 512}"), std::string("{}"));
  scene.client.Do("query-jobs");
  CHECK_EQ(scene.client.TextAt(""),
           std::string("[{\"id\": \"j\", \"type\": \"create\", \"status\": \"concluded\", "
                       "\"current-progress\": 1, \"total-progress\": 1, \"error\": \"Cannot find "
                       "device='x' nor node-name='x'\"}]"));
  CHECK_EQ(scene.Create("{'driver': 'qcow2', 'file': 'x', 'size': 512}"),
           std::string("Job ID 'j' already in use"));
  CHECK_EQ(scene.Verb("complete"),
           std::string("Job 'j' in state 'concluded' cannot accept command verb 'complete'"));
  CHECK_EQ(scene.Verb("resume"), std::string("Can't resume a job that was not paused"));
  CHECK_EQ(scene.Verb("dismiss"), std::string("{}"));
  CHECK_EQ(scene.client.Do("query-jobs"), std::string("[]"));
}

TEST(VerbsNeedAJob) {
  Scene scene;
  for (const char* const verb : {"pause", "resume", "cancel", "complete", "finalize", "dismiss"}) {
    CHECK_EQ(scene.Verb(verb), std::string("Job not found"));
  }
}

TEST(DriversWithoutCreationAreRefused) {
  Scene scene;
  CHECK_EQ(scene.Create("{'driver': 'raw'}"),
           std::string("Driver does not support blockdev-create"));
  CHECK(scene.log.lines.empty());
}

TEST(WhatCannotBeMadeIsSaid) {
  Scene scene;
  scene.AddFile("f");
  const auto qcow2 = [&scene](const std::string& more) {
    return scene.CreateAndWait("{'driver': 'qcow2', 'file': 'f', 'size': 1048576" + more + "}");
  };
  CHECK_EQ(qcow2(", 'refcount-bits': -1"),
           std::string("Refcount width must be a power of two and may not exceed 64 bits"));
  CHECK_EQ(qcow2(", 'data-file-raw': true"), std::string("data-file-raw requires data-file"));
  CHECK_EQ(qcow2(", 'backing-fmt': 'raw'"),
           std::string("Backing format cannot be used without backing file"));
  CHECK_EQ(qcow2(", 'version': 'v2', 'compression-type': 'zstd'"),
           std::string("Non-zlib compression type is only supported with compatibility level 1.1 "
                       "and above (use version=v3 or greater)"));
  const std::string path = scene.folder.Name("new");
  CHECK_EQ(scene.CreateAndWait("{'driver': 'file', 'size': 512, 'preallocation': 'metadata',"
                               " 'filename': '" +
                               path + "'}"),
           std::string("Unsupported preallocation mode: metadata"));
}

}  // namespace
}  // namespace fusebay::test
