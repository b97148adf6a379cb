// SPDX-License-Identifier: Apache-2.0
#include "station_state.hpp"

#include <utility>

#include "efface/evidence/keys.hpp"
#include "efface/evidence/log.hpp"

#include "fake/fixed.hpp"
#include "fake/scratch.hpp"

namespace efface::job {
namespace {

class MadeStation final {
  public:
    MadeStation() {
        fake::FixedClock clock;
        fake::SeededRandom random{"station"};
        evidence::KeyStore::init(state.keys(), {"Example Cloud", "DC1", "station-1"}, clock,
                                 random);
        evidence::Log::create(state.log(), evidence::KeyStore::open(state.keys()).log_signer());
    }

  private:
    fake::ScratchDirectory scratch_;

  public:
    const StateDirectory state{scratch_.path()};
};

}  // namespace

void put_station(const StateDirectory& state) {
    static const MadeStation made;
    for (const auto& [from, to] :
         {std::pair{made.state.keys(), state.keys()}, {made.state.log(), state.log()}}) {
        std::filesystem::create_directories(to.parent_path());
        std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
    }
}

}  // namespace efface::job
