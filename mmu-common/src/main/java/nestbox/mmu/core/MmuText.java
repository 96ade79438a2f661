package nestbox.mmu.core;

import java.util.List;
import java.util.Locale;
import nestbox.core.trace.TraceEventType;
import nestbox.core.trace.TraceText;
import nestbox.mmu.paging.Access;

/** The MMU core's events as ftrace prints KVM's (Linux, arch/x86/kvm/mmu/mmutrace.h: names, order and bases of what is printed). */
public final class MmuText implements TraceText {
    private static final String[] ACCESS = {"---", "--x", "w--", "w-x", "-u-", "-ux", "wu-", "wux"};

    private final boolean ept;

    /** @param ept the tables are EPT's */
    public MmuText(boolean ept) {
        this.ept = ept;
    }

    @Override
    public List<String> lines(TraceEventType type, int cpu, long[] v) {
        if (type == MmuTrace.PAGE_FAULT) {
            // The exit that brought it has told of it already.
            return List.of();
        }
        String text = text(type, cpu, v);
        return text == null ? null : List.of(type.name() + ": " + text);
    }

    private String text(TraceEventType type, int cpu, long[] v) {
        if (type == MmuTrace.GET_PAGE) {
            return page(v, v[3], v[5]) + (v[4] != 0 ? " new" : " existing");
        }
        if (type == MmuTrace.SYNC_PAGE || type == MmuTrace.UNSYNC_PAGE || type == MmuTrace.PREPARE_ZAP_PAGE) {
            return page(v, v[3], v[4]);
        }
        if (type == MmuTrace.SET_SPTE) {
            return say("gfn %x spte %x (%s) level %d at %x", v[0], v[1], rights(v[1]), v[3], v[2]);
        }
        if (type == MmuTrace.PAGETABLE_WALK) {
            return say("addr %x pferr %x %s", v[0], v[1], flags(v[1]));
        }
        if (type == MmuTrace.WALKER_ERROR) {
            return say("pferr %x %s", v[0], flags(v[0]));
        }
        if (type == MmuTrace.ZAP_ALL_FAST) {
            return say("kvm-mmu-valid-gen %d used_pages %x", v[0], v[1]);
        }
        if (type == MmuTrace.FAST_PAGE_FAULT) {
            return say(
                    "vcpu %d gva %x error_code %s sptep %016x old 0x%x new %x spurious 0 fixed 1",
                    cpu, v[0], flags(v[1]), v[2], v[3], v[4]);
        }
        return mmio(type, v);
    }

    private static String mmio(TraceEventType type, long[] v) {
        if (type == MmuTrace.MARK_MMIO_SPTE) {
            return say("sptep:%016x gfn %x access %x gen %x", v[0], v[1], access((int) v[2]), v[3]);
        }
        if (type == MmuTrace.CHECK_MMIO_SPTE) {
            return say("spte %x kvm_gen %x spte-gen %x valid %d", v[0], v[1], v[2], v[3]);
        }
        if (type == MmuTrace.HANDLE_MMIO_PAGE_FAULT) {
            return say("addr:%x gfn %x access %x", v[0], v[1], access((int) v[2]));
        }
        return null;
    }

    private static String say(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }

    /** A shadow page: its generation, frame and role. */
    private static String page(long[] v, long unsync, long generation) {
        int role = (int) v[1];
        return say(
                "sp gen %d gfn %x l%d %d-byte q%d%s %s %snxe %sad root %d %s",
                generation,
                v[0],
                Role.level(role),
                Role.has(role, Role.FOUR_BYTES) ? 4 : 8,
                Role.quadrant(role),
                Role.has(role, Role.DIRECT) ? " direct" : "",
                ACCESS[access(Role.access(role))],
                Role.has(role, Role.NX) ? "" : "!",
                Role.has(role, Role.NO_AD) ? "!" : "",
                v[2],
                unsync != 0 ? "unsync" : "sync");
    }

    /** Rights as KVM numbers them. */
    private static int access(int rights) {
        return ((rights & Access.EXECUTE) != 0 ? 1 : 0)
                | ((rights & Access.WRITE) != 0 ? 2 : 0)
                | ((rights & Access.USER) != 0 ? 4 : 0);
    }

    private String rights(long spte) {
        boolean executes = ept ? (spte & 4) != 0 : spte >= 0;
        boolean user = (spte & (ept ? 1 : 4)) != 0;
        return ((spte & 1) != 0 ? "r" : "-")
                + ((spte & 2) != 0 ? "w" : "-")
                + (executes ? "x" : "-")
                + (user ? "u" : "-");
    }

    /** Bits of an error code by name, what has none as a number. */
    static String flags(long code) {
        String[] names = {"P", "W", "U", "RSVD", "F"};
        StringBuilder text = new StringBuilder();
        for (int bit = 0; bit < names.length; bit++) {
            if ((code >>> bit & 1) != 0) {
                text.append(text.isEmpty() ? "" : "|").append(names[bit]);
            }
        }
        long rest = code & -1L << names.length;
        if (rest != 0) {
            text.append(text.isEmpty() ? "" : "|").append("0x").append(Long.toHexString(rest));
        }
        return text.toString();
    }
}
