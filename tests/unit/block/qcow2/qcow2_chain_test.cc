// Backing images and data files on a real file system: names, probing, loops, what is missing.
#include "qcow2/qcow2_chain.h"

#include "block/open_image.h"
#include "qcow2_fixture.h"
#include "working_folder.h"

namespace fusebay::qcow2 {
namespace {

using test::Disk;
using test::Folder;
using test::ImageBuilder;

ImageBuilder Over(const std::string& backing, const std::string& format = "") {
  ImageBuilder image;
  if (!format.empty()) {
    image.Extension(kExtensionBackingFormat, format);
  }
  return image.Backing(backing);
}

std::vector<std::byte> Raw(char value) {
  return std::vector<std::byte>(256 * kKiB, static_cast<std::byte>(value));
}

TEST(ARelativeNameBeginsInTheImagesFolder) {
  Folder folder;
  folder.Write("base.raw", Raw('r'));
  Disk disk;
  Disk::Must(disk.OpenPath(folder.Write("over.qcow2", Over("base.raw", "raw").bytes())));
  CHECK_EQ(disk.Read(1000, 3), "rrr");
  CHECK(disk.Read(300 * kKiB, 3) == std::string(3, '\0'));
  const ImageInfo info = disk.Info();
  CHECK_EQ(info.full_backing_filename, folder / "base.raw");
}

TEST(AFormatThatIsNotGivenIsProbed) {
  Folder folder;
  folder.Write("base.raw", Raw('r'));
  folder.Write("middle", Over("base.raw").Data(1, 0, 'm').bytes());
  Disk disk;
  Disk::Must(disk.OpenPath(folder.Write("over", Over("middle").Data(0, 0, 'o').bytes())));
  CHECK_EQ(disk.Read(64 * kKiB - 1, 2), "om");
  CHECK_EQ(disk.Read(128 * kKiB, 2), "rr");
}

TEST(AProbedFormatThatCannotBeReadIsRefused) {
  Folder folder;
  std::vector<std::byte> vmdk = Raw('\0');
  std::memcpy(vmdk.data(), "KDMV", 4);
  folder.Write("base", vmdk);
  Disk disk;
  CHECK_MESSAGE(disk.OpenPath(folder.Write("over", Over("base").bytes())),
                "cannot open backing file 'base': its content is of format 'vmdk'");
}

TEST(AMissingBackingFileIsNamedWithTheImage) {
  Folder folder;
  const std::string over = folder.Write("over", Over("none.img").bytes());
  Disk disk;
  const auto opened = disk.OpenPath(over);
  CHECK_MESSAGE(opened, over + ": cannot open backing file 'none.img': ");
  CHECK_MESSAGE(opened, "No such file or directory");
}

TEST(AMissingBackingFileMayBeLeftOut) {
  Folder folder;
  Disk disk;
  Disk::Must(disk.OpenPath(folder.Write("over", Over("none.img").Data(0, 0, 'o').bytes()),
                           [](auto&, auto& own) { own.no_backing = true; }));
  CHECK(disk.Read(64 * kKiB - 1, 2) == std::string("o\0", 2));
}

TEST(ALoopIsAnErrorThatNamesTheFile) {
  Folder folder;
  const std::string a = folder.Write("a", Over("b", "qcow2").bytes());
  folder.Write("b", Over("./c", "qcow2").bytes());
  folder.Write("c", Over("a", "qcow2").bytes());
  Disk disk;
  CHECK_MESSAGE(disk.OpenPath(a), "c: backing file 'a' is part of the chain above it: a loop");
  const std::string own = folder.Write("own", Over("own", "qcow2").bytes());
  CHECK_MESSAGE(disk.OpenPath(own), "backing file 'own' is part of the chain above it");
  CHECK(disk.graph.nodes().empty());
}

TEST(AChainThatIsTooLongIsAnError) {
  Folder folder;
  folder.Write("0", Over("none", "raw").bytes());
  for (int i = 1; i <= 210; ++i) {
    folder.Write(std::to_string(i), Over(std::to_string(i - 1), "qcow2").Cut(4 << 16).bytes());
  }
  Disk disk;
  CHECK_MESSAGE(disk.OpenPath(folder / "210"), "The chain of images is longer than 200");
}

TEST(ANameWithAProtocolIsRefused) {
  Folder folder;
  Disk disk;
  CHECK_MESSAGE(disk.OpenPath(folder.Write("over", Over("nbd://h/x", "raw").bytes())),
                "backing file 'nbd://h/x': Unknown protocol 'nbd'");
}

TEST(JsonNamesAreOpened) {
  Folder folder;
  const std::string base = folder.Write("base.raw", Raw('r'));
  const std::string json =
      R"(json:{"driver":"raw","file":{"driver":"file","filename":")" + base + R"("}})";
  Disk disk;
  Disk::Must(disk.OpenPath(folder.Write("over", Over(json).bytes())));
  CHECK_EQ(disk.Read(1000, 3), "rrr");
}

// Of a node "file".
BlockdevOptions FileNodeOptions(const std::string& path) {
  BlockdevOptions options;
  options.driver = "file";
  options.node_name = "file";
  FileOptions file;
  file.filename = path;
  options.driver_options = std::move(file);
  return options;
}

// A program that writes the file meanwhile.
class Writer {
 public:
  explicit Writer(const std::string& path) {
    const auto node = disk_.Run(disk_.graph.Open(FileNodeOptions(path)));
    CHECK_OK(node);
    auto ref = disk_.graph.Use("file", {kPermWrite, kPermAll}, "the writer");
    CHECK_OK(ref);
    disk_.image = std::move(*ref);
  }

 private:
  Disk disk_;
};

ImageRequest RequestFor(const std::string& path, OnOffAuto locking) {
  ImageRequest request;
  request.filename = path;
  request.node_name = "disk";
  request.locking = locking;
  return request;
}

TEST(ABackingFileIsLockedAsTheImageIs) {
  Folder folder;
  const Writer writer(folder.Write("base.raw", Raw('r')));
  const std::string over = folder.Write("over", Over("base.raw", "raw").bytes());
  Disk disk;
  CHECK_MESSAGE(disk.Run(OpenImage(disk.graph, RequestFor(over, OnOffAuto::kAuto))), "lock");
  CHECK_OK(disk.Run(OpenImage(disk.graph, RequestFor(over, OnOffAuto::kOff))));
}

TEST(TheBackingFileOfABackingFileIsLockedAsTheImageIs) {
  Folder folder;
  const Writer writer(folder.Write("base.raw", Raw('r')));
  folder.Write("middle", Over("base.raw", "raw").bytes());
  const std::string over = folder.Write("over", Over("middle", "qcow2").bytes());
  Disk disk;
  CHECK_OK(disk.Run(OpenImage(disk.graph, RequestFor(over, OnOffAuto::kOff))));
}

ImageBuilder WithDataFile(const std::string& name) {
  ImageBuilder image;
  image.Extension(kExtensionDataFile, name).Set64(kAtIncompatible, kIncompatibleDataFile);
  return image.L2(0, kCopied).L2(1, 0x10000 | kCopied).L2(3, 0x20000 | kCopied);
}

TEST(ADataFileIsFoundInTheImagesFolder) {
  Folder folder;
  folder.Write("data.raw", Raw('d'));
  Disk disk;
  Disk::Must(disk.OpenPath(folder.Write("image", WithDataFile("data.raw").bytes())));
  CHECK(disk.Read(0, 192 * kKiB) == std::string(128 * kKiB, 'd') + std::string(64 * kKiB, '\0'));
  CHECK_ERRNO(disk.TryRead(192 * kKiB, 1), EIO);  // not at its guest offset
}

TEST(ADataFileIsLockedAsTheImageIs) {
  Folder folder;
  const Writer writer(folder.Write("data.raw", Raw('d')));
  const std::string image = folder.Write("image", WithDataFile("data.raw").bytes());
  Disk disk;
  CHECK_MESSAGE(disk.Run(OpenImage(disk.graph, RequestFor(image, OnOffAuto::kAuto))), "lock");
  CHECK_OK(disk.Run(OpenImage(disk.graph, RequestFor(image, OnOffAuto::kOff))));
}

// As after --daemonize: the image's file was opened by a relative name, which means nothing now.
TEST(FilesOfARelativeImageAreFoundFromElsewhere) {
  Folder folder;
  folder.Write("base.raw", Raw('r'));
  folder.Write("data.raw", Raw('d'));
  folder.Write("over", Over("base.raw").bytes());
  folder.Write("image", WithDataFile("data.raw").bytes());
  for (const auto& [name, text] : {std::pair("over", "rrr"), std::pair("image", "ddd")}) {
    Disk disk;
    {
      const fusebay::test::WorkingFolder before(folder / "");
      CHECK_OK(disk.Run(disk.graph.Open(FileNodeOptions(name))));
    }
    Disk::Must(disk.OpenOn("file"));
    CHECK_EQ(disk.Read(1000, 3), text);
  }
}

TEST(AMissingDataFileIsNamedWithTheImage) {
  Folder folder;
  Disk disk;
  CHECK_MESSAGE(disk.OpenPath(folder.Write("image", WithDataFile("none.raw").bytes())),
                "image: cannot open data file 'none.raw': ");
}

}  // namespace
}  // namespace fusebay::qcow2
