// The generated types from JSON and keyval and back: messages, optional members, unions,
// alternates.
#include "qapi/visitor.h"

#include "check.h"
#include "qapi/generated/types.h"
#include "qapi/json_stream.h"

namespace fusebay::qapi {

namespace {

template <class T>
Result<T, Error> Json(std::string_view text) {
  return FromJson<T>(*ParseJson(text));
}

// The message that the options give.
std::string Why(std::string_view text) {
  const auto options = Json<BlockdevOptions>(text);
  return options.ok() ? "" : options.error().message;
}

std::string WhyKeyval(std::string_view text) {
  const auto options = FromOption<BlockdevOptions>(text, "driver");
  return options.ok() ? "" : options.error().message;
}

}  // namespace

TEST(MissingMemberIsNamed) {
  CHECK_EQ(Why("{}"), "Parameter 'driver' is missing");
  CHECK_EQ(Why("{'driver':'raw','file':{'driver':'file'}}"),
           "Parameter 'file.filename' is missing");
}

TEST(UnexpectedMemberIsNamed) {
  CHECK_EQ(Why("{'driver':'null-co','x':1}"), "Parameter 'x' is unexpected");
  CHECK_EQ(Why("{'driver':'null-co','cache':{'x':1}}"), "Parameter 'cache.x' is unexpected");
}

TEST(TypesMustAgree) {
  CHECK_EQ(Why("{'driver':1}"), "Invalid parameter type for 'driver', expected: string");
  CHECK_EQ(Why("{'driver':'null-co','cache':1}"),
           "Invalid parameter type for 'cache', expected: object");
  CHECK_EQ(Why("{'driver':'null-co','size':1.5}"),
           "Invalid parameter type for 'size', expected: integer");
  CHECK_EQ(Why("{'driver':'null-co','read-zeroes':'on'}"),
           "Invalid parameter type for 'read-zeroes', expected: boolean");
  CHECK_EQ(Why("[]"), "Invalid parameter type for 'null', expected: object");
}

TEST(ElementsAreCounted) {
  using List = std::vector<BlockdevOptions>;
  CHECK_MESSAGE(Json<List>("[{'driver':'null-co'},{}]"), "Parameter '[1].driver' is missing");
  CHECK_MESSAGE(Json<List>("{}"), "Invalid parameter type for 'null', expected: array");
}

TEST(EnumValueIsQuoted) {
  CHECK_EQ(Why("{'driver':'zz'}"), "Parameter 'driver' does not accept value 'zz'");
  CHECK_MESSAGE(Json<std::vector<OnOffAuto>>("['zz']"), "Parameter 'null' does not accept value");
}

TEST(IntegersHaveRanges) {
  CHECK_MESSAGE(Json<std::vector<std::uint16_t>>("[65536]"), "Parameter 'null' expects uint16_t");
  CHECK_MESSAGE(Json<std::vector<std::int8_t>>("[-129]"), "Parameter 'null' expects int8_t");
  CHECK_EQ(Why("{'driver':'null-co','latency-ns':1.5}"), "Parameter 'latency-ns' expects uint64");
  CHECK_EQ(Json<std::vector<std::uint64_t>>("[-1]")->at(0), ~std::uint64_t{0});
}

TEST(OptionalMembersMayBeAbsent) {
  const auto options = Json<BlockdevOptions>("{'driver':'null-co','read-only':true}");
  CHECK(*options->read_only);
  CHECK(!options->node_name);
  CHECK(!std::get<BlockdevOptionsNull>(options->u).size);
}

TEST(DiscriminatorChoosesTheBranch) {
  const auto options = Json<BlockdevOptions>("{'driver':'host_device','filename':'/dev/x'}");
  CHECK(options->driver == BlockdevDriver::kHostDevice);
  CHECK_EQ(std::get<BlockdevOptionsFile>(options->u).filename, "/dev/x");
}

TEST(AlternateIsTakenByKind) {
  const auto options = Json<BlockdevOptions>(
      "{'driver':'qcow2','file':'f','backing':null,'data-file':{'driver':'memory','size':4}}");
  const auto& qcow2 = std::get<BlockdevOptionsQcow2>(options->u);
  CHECK_EQ(std::get<std::string>(qcow2.file.value), "f");
  CHECK(std::holds_alternative<JsonNull>(qcow2.backing->value));
  const auto& data = std::get<Box<BlockdevOptions>>(qcow2.data_file->value);
  CHECK_EQ(std::get<BlockdevOptionsMemory>(data->u).size, 4U);
  CHECK_EQ(Why("{'driver':'raw','file':[]}"),
           "Invalid parameter type for 'file', expected: BlockdevRef");
}

TEST(EverythingComesBack) {
  const JsonValue value = *ParseJson(
      "{'driver':'qcow2','node-name':'a','discard':'unmap','cache':{'direct':true},"
      "'read-only':false,'file':{'driver':'file','filename':'x','locking':'auto'},'backing':null,"
      "'l2-cache-size':-5}");
  CHECK(ToJson(*FromJson<BlockdevOptions>(value)) == value);
}

TEST(KeyvalStringsAreConverted) {
  const auto options = FromOption<BlockdevOptions>(
      "raw,file.driver=file,file.filename=7,offset=0x10,read-only=on", "driver");
  CHECK_OK(options);
  CHECK_EQ(*std::get<BlockdevOptionsRaw>(options->u).offset, 16);
  CHECK(*options->read_only);
}

TEST(KeyvalSizesHaveSuffixes) {
  const auto options = FromOption<BlockdevOptions>("memory,size=1M", "driver");
  CHECK_EQ(std::get<BlockdevOptionsMemory>(options->u).size, 1048576U);
  CHECK_EQ(WhyKeyval("memory,size=1x"), "Parameter 'size' expects size");
}

TEST(KeyvalMessagesAreItsOwn) {
  CHECK_EQ(WhyKeyval("null-co,size=1k"), "Parameter 'size' expects integer");
  CHECK_EQ(WhyKeyval("null-co,read-zeroes=ON"), "Parameter 'read-zeroes' expects 'on' or 'off'");
  CHECK_EQ(WhyKeyval("raw,file.driver.x=y"), "Parameters 'file.driver.*' are unexpected");
  CHECK_EQ(WhyKeyval("raw,file.0=x"), "Invalid parameter type for 'file', expected: BlockdevRef");
}

TEST(ExportThreadsAreANameOrAList) {
  const auto one = FromOption<BlockExportIothreads>("{}", "");
  CHECK_MESSAGE(one, "Invalid parameter type for 'null', expected: BlockExportIothreads");
  const auto options = FromOption<BlockExportOptions>(
      "fuse,id=e,node-name=n,mountpoint=m,iothread.0=a,iothread.1=b", "type");
  CHECK_EQ(std::get<std::vector<std::string>>(options->iothread->value).at(1), "b");
}

}  // namespace fusebay::qapi
