// The options of `fusebay img create -o`.
#include "create_options.h"

#include "check.h"

using namespace fusebay;

namespace {

CreateValues Values(std::string_view list, std::string_view format = "qcow2") {
  CreateValues values;
  CHECK_OK(ApplyCreateList(format, list, values));
  return values;
}

Result<Unit, Error> Try(std::string_view list, std::string_view format = "qcow2") {
  CreateValues values;
  return ApplyCreateList(format, list, values);
}

Qcow2CreateOptions Options(std::string_view list) {
  const auto options = Qcow2OptionsOf(Values(list));
  CHECK_OK(options);
  return *options;
}

}  // namespace

TEST(SizesAreShownInBytes) {
  CHECK_EQ(Values("size=1.5k,cluster_size=2M")["size"], "1536");
  CHECK_EQ(Values("size=1.5k,cluster_size=2M")["cluster_size"], "2097152");
}

TEST(TheLastValueCounts) { CHECK_EQ(Values("compat=v2,compat=v3")["compat"], "v3"); }

TEST(TwoCommasAreOne) { CHECK_EQ(Values("backing_file=a,,b")["backing_file"], "a,b"); }

TEST(ANameAloneIsOn) { CHECK(Options("size=1M,lazy_refcounts").lazy_refcounts); }

TEST(UnknownOptionsAreNamed) {
  CHECK_MESSAGE(Try("colour=red"), "Invalid parameter 'colour'");
  CHECK_MESSAGE(Try("cluster_size=64k", "raw"), "Invalid parameter 'cluster_size'");
  CHECK_MESSAGE(Try("encrypt.format=luks"), "encrypted images cannot be made");
  CHECK_MESSAGE(Try("encryption=on"), "encrypted images cannot be made");
}

TEST(WrongValuesAreNamed) {
  CHECK_MESSAGE(Try("size=x"), "Parameter 'size' expects");
  CHECK_MESSAGE(Try("size=16E"), "out of range");
  CHECK_MESSAGE(Try("extended_l2=maybe"), "Parameter 'extended_l2' expects 'on' or 'off'");
  CHECK_MESSAGE(Qcow2OptionsOf(Values("compat=0.11")), "does not accept value '0.11'");
  CHECK_MESSAGE(PreallocOf(Values("preallocation=some")), "does not accept value 'some'");
}

TEST(EveryOptionArrives) {
  const Qcow2CreateOptions options = Options(
      "size=1000,compat=0.10,backing_file=b,backing_fmt=raw,cluster_size=512,"
      "preallocation=full,refcount_bits=1,extended_l2=on,compression_type=zstd,data_file=d,"
      "data_file_raw=on");
  CHECK_EQ(options.size, 1024u);
  CHECK_EQ(options.version, 2u);
  CHECK_EQ(options.backing_file + options.backing_format + options.data_file, "brawd");
  CHECK_EQ(options.cluster_size, 512u);
  CHECK(options.preallocation == Prealloc::kFull);
  CHECK_EQ(options.refcount_bits, 1u);
  CHECK(options.extended_l2 && options.data_file_raw);
  CHECK(options.compression == Qcow2Compression::kZstd);
}

TEST(HintsArrive) {
  const FileHints hints = HintsOf(Values("nocow=on,extent_size_hint=2M", "raw"));
  CHECK(hints.no_copy_on_write);
  CHECK_EQ(hints.extent_size.value_or(0), 2u << 20);
  CHECK(!HintsOf(Values("size=1M")).extent_size.has_value());
}

TEST(DefaultsAreShown) {
  CHECK_EQ(FormattingLine("x", "qcow2", Values("size=1M")),
           "Formatting 'x', fmt=qcow2 cluster_size=65536 extended_l2=off compression_type=zlib "
           "size=1048576 lazy_refcounts=off refcount_bits=16\n");
  CHECK_EQ(FormattingLine("x", "raw", Values("size=1M", "raw")),
           "Formatting 'x', fmt=raw size=1048576\n");
}

TEST(HelpIsRecognized) {
  CHECK(AsksForHelp("help") && AsksForHelp("size=1M,?"));
  CHECK(!AsksForHelp("backing_file=help"));
  CHECK(CreateOptionsHelp("raw").find("cluster_size") == std::string::npos);
}
