// SPDX-License-Identifier: Apache-2.0
// One connection of NVMe/TCP: the admin queue or one I/O queue of a controller.
#pragma once

#include "tcp.hpp"

namespace efface::rig {

class NvmeQueue final {
  public:
    /// `socket` is borrowed.
    NvmeQueue(NvmeTarget& target, int socket) : target_(target), socket_(socket) {}
    ~NvmeQueue();
    NvmeQueue(const NvmeQueue&) = delete;
    NvmeQueue& operator=(const NvmeQueue&) = delete;

    /// Until the host or the drive ends the connection.
    void run();

  private:
    struct Answer {
        std::uint16_t status = 0;
        std::uint64_t result = 0;
        bool silent = false;      ///< no completion ever
        bool disconnect = false;  ///< the connection ends instead
    };

    /// A command with the data that came in its capsule.
    struct Capsule {
        Bytes pdu;
        Bytes data;
    };

    [[nodiscard]] bool handshake();
    [[nodiscard]] bool one_command();
    /// The rest of a capsule whose first bytes were received already.
    [[nodiscard]] bool receive_capsule(ByteView begun, Capsule& capsule);
    [[nodiscard]] bool fetch_data(ByteView entry, Bytes& data);
    [[nodiscard]] bool complete(std::uint16_t id, const Answer& answer, ByteView data);
    Answer fabrics(ByteView entry, ByteView data);
    Answer connect(ByteView entry, ByteView data);
    Answer property(ByteView entry);
    Answer command(ByteView entry, ByteView data, Bytes& into);
    std::optional<Answer> own_admin(ByteView entry);
    void add_fabrics_fields(Bytes& page) const;

    [[nodiscard]] bool receive(MutableByteView into) const;
    [[nodiscard]] bool send(ByteView from) const;

    NvmeTarget& target_;
    int socket_;
    std::optional<std::size_t> controller_;  ///< index of it, once connected
    std::uint16_t queue_ = 0;
    std::deque<Capsule> waiting_;  ///< commands that came before the data of an earlier one
};

}  // namespace efface::rig
