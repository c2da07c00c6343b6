// Backing file names: folders, protocols, formats and json:{}.
#include "qcow2/qcow2_backing.h"

#include "check.h"

namespace fusebay::qcow2 {
namespace {

Result<Backing, Error> Parse(std::string name, std::string format = "") {
  Header header;
  header.backing_name = std::move(name);
  header.backing_format = std::move(format);
  return ParseBacking(header, "/disks/over.qcow2");
}

std::string DriverOf(const Result<Backing, Error>& backing) {
  CHECK_OK(backing);
  return backing->options.driver;
}

const BlockdevOptions& FileOf(const Backing& backing) {
  const auto* const qcow2 = std::get_if<Qcow2Options>(&backing.options.driver_options);
  return qcow2 != nullptr ? *qcow2->file.definition
                          : *std::get<RawOptions>(backing.options.driver_options).file.definition;
}

std::string FilenameOf(const Backing& backing) {
  return std::get<FileOptions>(FileOf(backing).driver_options).filename;
}

TEST(NamesAreRelativeToTheImagesFolder) {
  CHECK_EQ(FullName("over.qcow2", "base"), "base");
  CHECK_EQ(FullName("a/over.qcow2", "base"), "a/base");
  CHECK_EQ(FullName("/a/b/over.qcow2", "../base"), "/a/b/../base");
  CHECK_EQ(FullName("a/over.qcow2", "/base"), "/base");
  CHECK_EQ(FullName("a/over.qcow2", "file:base"), "a/base");
  CHECK_EQ(FullName("a/over.qcow2", "./b:c"), "a/./b:c");
  CHECK_EQ(FullName("a/over.qcow2", "nbd://host/x"), "nbd://host/x");
}

TEST(TheFormatComesFromTheHeader) {
  const auto qcow2 = Parse("base.img", "qcow2");
  CHECK_OK(qcow2);
  CHECK_EQ(qcow2->options.driver, "qcow2");
  CHECK_EQ(FilenameOf(*qcow2), "/disks/base.img");
  CHECK(qcow2->options.read_only);
  CHECK(FileOf(*qcow2).read_only);
  CHECK_EQ(DriverOf(Parse("base.img", "raw")), "raw");
  CHECK_EQ(DriverOf(Parse("base.img", "file")), "raw");
}

TEST(WithoutAFormatItIsToBeProbed) {
  const auto backing = Parse("base.img");
  CHECK_OK(backing);
  CHECK_EQ(backing->options.driver, "");
  CHECK_EQ(backing->probe_filename, "/disks/base.img");
}

TEST(OtherFormatsAndProtocolsAreRefusedByName) {
  CHECK_MESSAGE(Parse("base.vmdk", "vmdk"),
                "/disks/over.qcow2: backing file 'base.vmdk': its format 'vmdk' cannot be read");
  CHECK_MESSAGE(Parse("nbd://host/x", "raw"), "Unknown protocol 'nbd'");
  CHECK_MESSAGE(Parse("nbd:host:10809", "raw"), "Unknown protocol 'nbd'");
}

TEST(JsonDescribesDriverAndFile) {
  const auto nested = Parse(
      R"(json:{"driver":"qcow2","file":{"driver":"file","filename":"/x/base"},"backing":null})");
  CHECK_OK(nested);
  CHECK_EQ(nested->options.driver, "qcow2");
  CHECK_EQ(FilenameOf(*nested), "/x/base");
  CHECK(std::get<Qcow2Options>(nested->options.driver_options).no_backing);
  const auto flat = Parse(R"(json:{"driver":"raw","offset":512,"size":1024,)"
                          R"("file.driver":"host_device","file.filename":"/dev/x"})");
  CHECK_OK(flat);
  CHECK_EQ(FileOf(*flat).driver, "host_device");
  CHECK_EQ(std::get<RawOptions>(flat->options.driver_options).offset, 512u);
  CHECK_EQ(*std::get<RawOptions>(flat->options.driver_options).size, 1024u);
}

TEST(JsonWithAProtocolAloneTakesTheFormatFromTheHeader) {
  const std::string name = R"(json:{"driver":"file","filename":"/x/base"})";
  const auto alone = Parse(name);
  CHECK_EQ(DriverOf(alone), "");
  CHECK_EQ(alone->probe_filename, "/x/base");
  CHECK_EQ(DriverOf(Parse(name, "qcow2")), "qcow2");
}

TEST(JsonThatIsWrongIsRefused) {
  CHECK_MESSAGE(Parse("json:{"), "this is no JSON object");
  CHECK_MESSAGE(Parse("json:[]"), "this is no JSON object");
  CHECK_MESSAGE(Parse("json:{\"a.b\":1,\"a\":2}"), "this is no JSON object");
  CHECK_MESSAGE(Parse("json:{\"driver\":\"nbd\",\"host\":\"h\"}"), "Unknown protocol 'nbd'");
  CHECK_MESSAGE(Parse("json:{\"driver\":\"vmdk\",\"file\":{\"filename\":\"x\"}}"),
                "Unknown driver 'vmdk'");
  CHECK_MESSAGE(Parse("json:{\"file\":{}}"), "'filename' is missing");
  CHECK_MESSAGE(Parse("json:{\"file\":\"node\"}"), "'file' is no object");
  CHECK_MESSAGE(Parse("json:{\"filename\":\"x\",\"aio\":\"native\"}"),
                "'aio' is not supported in a backing file's name");
  CHECK_MESSAGE(Parse("json:{\"driver\":\"raw\",\"offset\":-1,\"file\":{\"filename\":\"x\"}}"),
                "'offset' is no number of bytes");
}

}  // namespace
}  // namespace fusebay::qcow2
