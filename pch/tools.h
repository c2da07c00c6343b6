// Precompiled: what most of the program includes.
#pragma once
#include "export.h"
#include "qapi.h"

#include "export/exports.h"
