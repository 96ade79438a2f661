package nestbox.x86.mem;

import java.util.List;

/**
 * A second model of page protection, written from the prose of SDM Vol. 3 ("Determination of Access Rights", "Page-Fault
 * Exceptions") as one long case distinction for one access, to judge the walker's masks.
 */
final class NaiveProtection {
    /** One entry that a translation uses, from the root down. */
    record Entry(boolean present, boolean reserved, boolean writable, boolean user, boolean noExecute) {}

    boolean wp;
    boolean smep;
    boolean smap;
    boolean ac;
    /** EFER.NXE with a format that has the bit. */
    boolean nxe;

    boolean pke;
    boolean pks;
    boolean ad;
    boolean wd;

    /** How the access is made. */
    enum Mode {
        USER,
        SUPERVISOR,
        IMPLICIT
    }

    enum Kind {
        READ,
        WRITE,
        FETCH
    }

    /** The #PF error code, or -1 if the access is permitted. */
    int judge(List<Entry> entries, Mode mode, Kind kind) {
        int code = 0;
        if (kind == Kind.WRITE) {
            code |= 2;
        }
        if (mode == Mode.USER) {
            code |= 4;
        }
        if (kind == Kind.FETCH && (nxe || smep)) {
            code |= 16;
        }
        for (Entry entry : entries) {
            if (!entry.present) {
                return code;
            }
            if (entry.reserved || (entry.noExecute && !nxe)) {
                return code | 1 | 8;
            }
        }
        boolean userAddress = true;
        boolean writable = true;
        boolean executable = true;
        for (Entry entry : entries) {
            userAddress = userAddress && entry.user;
            writable = writable && entry.writable;
            executable = executable && !entry.noExecute;
        }
        boolean byRights = mode == Mode.USER
                ? userMayAccess(kind, userAddress, writable, executable)
                : supervisorMayAccess(kind, mode, userAddress, writable, executable);
        boolean byKey = keyAllows(mode, kind, userAddress);
        if (byRights && byKey) {
            return -1;
        }
        return code | 1 | (byKey ? 0 : 32);
    }

    private boolean userMayAccess(Kind kind, boolean userAddress, boolean writable, boolean executable) {
        if (!userAddress) {
            return false;
        }
        switch (kind) {
            case READ:
                return true;
            case WRITE:
                return writable;
            default:
                return executable;
        }
    }

    private boolean supervisorMayAccess(
            Kind kind, Mode mode, boolean userAddress, boolean writable, boolean executable) {
        if (kind == Kind.FETCH) {
            if (!userAddress) {
                return executable;
            }
            if (smep) {
                return false;
            }
            return executable;
        }
        if (userAddress && smap) {
            if (mode == Mode.IMPLICIT) {
                return false;
            }
            if (!ac) {
                return false;
            }
        }
        if (kind == Kind.READ) {
            return true;
        }
        if (!wp) {
            return true;
        }
        return writable;
    }

    private boolean keyAllows(Mode mode, Kind kind, boolean userAddress) {
        if (kind == Kind.FETCH) {
            return true;
        }
        if (!userAddress) {
            return !pks || !ad && !(kind == Kind.WRITE && wd && wp);
        }
        if (!pke) {
            return true;
        }
        if (ad) {
            return false;
        }
        if (kind == Kind.WRITE && wd) {
            return mode != Mode.USER && !wp;
        }
        return true;
    }
}
