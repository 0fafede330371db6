#include "hexcore/plan/placement.hpp"
#include <gtest/gtest.h>
