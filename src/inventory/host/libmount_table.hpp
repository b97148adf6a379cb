// SPDX-License-Identifier: Apache-2.0
// libmount's tables with their owners, read strictly.
#pragma once

#include <libmount/libmount.h>

#include <cstdio>
#include <memory>
#include <string>

namespace efface::inventory {

struct TableRelease {
    void operator()(libmnt_table* table) const noexcept { mnt_unref_table(table); }
};
struct IterRelease {
    void operator()(libmnt_iter* iter) const noexcept { mnt_free_iter(iter); }
};
struct FileRelease {
    void operator()(std::FILE* file) const noexcept {
        // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): this is the owner's deleter
        static_cast<void>(std::fclose(file));
    }
};

/// A line that libmount does not understand might be the one that matters.
inline int refuse_line(libmnt_table* /*table*/, const char* /*file*/, int /*line*/) {
    return -1;
}

[[nodiscard]] inline std::string text_or_empty(const char* text) {
    return text == nullptr ? std::string{} : text;
}

using MountTable = std::unique_ptr<libmnt_table, TableRelease>;

/// Null when the text is not mountinfo.
[[nodiscard]] inline MountTable parse_mountinfo_text(std::string& text) {
    const std::unique_ptr<std::FILE, FileRelease> stream{::fmemopen(text.data(), text.size(), "r")};
    MountTable table{mnt_new_table()};
    if (!stream || !table || mnt_table_set_parser_errcb(table.get(), refuse_line) != 0 ||
        mnt_table_parse_stream(table.get(), stream.get(), "mountinfo") != 0) {
        return nullptr;
    }
    return table;
}

}  // namespace efface::inventory
