// The result of a check as text and as JSON.
#include "check_render.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace fusebay {

namespace {

constexpr int kExitClean = 0;
constexpr int kExitCheckFailed = 1;
constexpr int kExitCorrupt = 2;
constexpr int kExitLeaks = 3;

double Percent(std::uint64_t part, std::uint64_t whole) {
  return static_cast<double>(part) * 100.0 / static_cast<double>(whole);
}

std::string RenderProblems(const CheckResult& result) {
  if (result.clean()) {
    return "No errors were found on the image.\n";
  }
  std::string text;
  if (result.corruptions != 0) {
    text += fmt::format(
        "\n{} errors were found on the image.\n"
        "Data may be corrupted, or further writes to the image may corrupt it.\n",
        result.corruptions);
  }
  if (result.leaks != 0) {
    text += fmt::format(
        "\n{} leaked clusters were found on the image.\n"
        "This means waste of disk space, but no harm to data.\n",
        result.leaks);
  }
  if (result.check_errors != 0) {
    text +=
        fmt::format("\n{} internal errors have occurred during the check.\n", result.check_errors);
  }
  return text;
}

}  // namespace

std::string RenderCheckText(const CheckResult& result) {
  std::string text = RenderProblems(result);
  if (result.total_clusters != 0 && result.allocated_clusters != 0) {
    text +=
        fmt::format("{}/{} = {:.2f}% allocated, {:.2f}% fragmented, {:.2f}% compressed clusters\n",
                    result.allocated_clusters, result.total_clusters,
                    Percent(result.allocated_clusters, result.total_clusters),
                    Percent(result.fragmented_clusters, result.allocated_clusters),
                    Percent(result.compressed_clusters, result.allocated_clusters));
  }
  if (result.image_end_offset != 0) {
    text += fmt::format("Image end offset: {}\n", result.image_end_offset);
  }
  return text;
}

std::string RenderCheckJson(const CheckResult& result, std::string_view filename,
                            std::string_view format) {
  // The order is that of QEMU's output, and so is what is left out where it is 0.
  nlohmann::ordered_json json;
  const auto add = [&json](const char* name, std::uint64_t value) {
    if (value != 0) {
      json[name] = value;
    }
  };
  json["image-end-offset"] = result.image_end_offset;
  add("compressed-clusters", result.compressed_clusters);
  json["total-clusters"] = result.total_clusters;
  add("corruptions", result.corruptions);
  add("corruptions-fixed", result.corruptions_fixed);
  json["check-errors"] = result.check_errors;
  add("leaks", result.leaks);
  add("leaks-fixed", result.leaks_fixed);
  add("allocated-clusters", result.allocated_clusters);
  json["filename"] = filename;
  json["format"] = format;
  add("fragmented-clusters", result.fragmented_clusters);
  return json.dump(4, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string RenderRepaired(const CheckResult& fixed) {
  return fmt::format(
      "The following inconsistencies were found and repaired:\n\n"
      "    {} leaked clusters\n"
      "    {} corruptions\n\n"
      "Double checking the fixed image now...\n",
      fixed.leaks_fixed, fixed.corruptions_fixed);
}

int CheckExitCode(const CheckResult& result) {
  if (result.check_errors != 0) {
    return kExitCheckFailed;
  }
  if (result.corruptions != 0) {
    return kExitCorrupt;
  }
  return result.leaks != 0 ? kExitLeaks : kExitClean;
}

}  // namespace fusebay
