// Precompiled: what most of qapi includes.
#pragma once
#include "core.h"

#include "qapi/chardev.h"
#include "qapi/generated/commands.h"
#include "qapi/generated/types.h"
#include "qapi/json.h"
#include "qapi/qmp.h"
