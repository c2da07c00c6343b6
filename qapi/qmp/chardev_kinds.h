// The kinds of chardevs, and how one is made of its description.
#pragma once
#include <memory>

#include "qapi/chardev.h"

namespace fusebay::qapi {

// REQUIRES: the backend is a socket.
std::unique_ptr<Chardev> MakeSocketChardev(ChardevConfig config);
// REQUIRES: it is none.
std::unique_ptr<Chardev> MakePlainChardev(ChardevConfig config);

}  // namespace fusebay::qapi
