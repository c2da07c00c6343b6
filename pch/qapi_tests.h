// Precompiled: what most tests of qapi include.
#pragma once
#include "qapi.h"

#include "check.h"
