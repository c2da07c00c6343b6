// The table of opcodes: all of 7.45 is there, and nothing too short gets through.
#include "fuse/server/operations.h"

#include "fake_kernel.h"

namespace fusebay::fuse::test {
namespace {

using abi::Opcode;

TEST(EveryOpcodeButTheGapsIsServed) {
  for (std::uint32_t opcode = 0; opcode <= 60; ++opcode) {
    const bool is_gap = opcode == 0 || opcode == 7 || opcode == 19 || opcode > abi::kMaxOpcode;
    CHECK_EQ(FindOperation(opcode) != nullptr, !is_gap);
  }
}

TEST(EveryOperationHasItsOwnName) {
  std::map<std::string_view, int> names;
  for (std::uint32_t opcode = 1; opcode <= abi::kMaxOpcode; ++opcode) {
    const Operation* const operation = FindOperation(opcode);
    if (operation != nullptr) {
      CHECK(!operation->name.empty());
      CHECK_EQ(++names[operation->name], 1);
    }
  }
}

TEST(OnlyFourOperationsAreNotAnswered) {
  for (std::uint32_t opcode = 1; opcode <= abi::kMaxOpcode; ++opcode) {
    const Operation* const operation = FindOperation(opcode);
    const auto code = static_cast<Opcode>(opcode);
    const bool is_silent = code == Opcode::kForget || code == Opcode::kBatchForget ||
                           code == Opcode::kInterrupt || code == Opcode::kNotifyReply;
    CHECK(operation == nullptr || operation->answered != is_silent);
  }
}

// Each request with one byte less than its fixed arguments, and each name left out.
TEST(RequestsThatAreTooShortNeverReachTheFilesystem) {
  FakeKernel kernel;
  for (std::uint32_t opcode = 1; opcode <= abi::kMaxOpcode; ++opcode) {
    const Operation* const operation = FindOperation(opcode);
    if (operation == nullptr || opcode == static_cast<std::uint32_t>(Opcode::kInit)) {
      continue;
    }
    const bool has_names = operation->names[0] != NameRule::kNone;
    if (operation->args == 0 && !has_names) {
      continue;
    }
    const std::size_t size = has_names ? operation->args : operation->args - 1u;
    const Reply reply = kernel.Ask(Message(opcode).Raw(std::string(size, '\0')));
    CHECK_EQ(reply.came, operation->answered);
    CHECK_EQ(reply.error, operation->answered ? -EINVAL : 0);
  }
  CHECK_EQ(kernel.fs.TakeLog(), "");
}

TEST(RequestsWithoutBulkDataTakeNone) {
  FakeKernel kernel;
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kGetAttr).Args(abi::GetAttrIn{}).Data("x")), EINVAL);
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kGetAttr).Args(abi::GetAttrIn{}).Raw("x")), EINVAL);
}

TEST(FilesystemThatDoesNothingAnswersNotImplemented) {
  FakeKernel kernel;
  kernel.fs.error = NotSupported().value();
  CHECK_EQ(kernel.ErrorOf(Message(Opcode::kOpen).Args(abi::OpenIn{})), ENOSYS);
}

}  // namespace
}  // namespace fusebay::fuse::test
