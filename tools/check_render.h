// What `fusebay img check` prints: the texts and the JSON of `qemu-img check`. Pure.
#pragma once
#include <string>
#include <string_view>

#include "block/check_image.h"

namespace fusebay {

std::string RenderCheckText(const CheckResult& result);
std::string RenderCheckJson(const CheckResult& result, std::string_view filename,
                            std::string_view format);
// "The following inconsistencies were found and repaired: ..."
std::string RenderRepaired(const CheckResult& fixed);

// 0: clean; 1: the check itself failed; 2: corruptions; 3: leaks and nothing worse.
int CheckExitCode(const CheckResult& result);

}  // namespace fusebay
