package nestbox.guests;

/**
 * One access to one page, and a naive judge of it, written from the prose of SDM Vol. 3, "Determination of Access Rights" and
 * "Page-Fault Exceptions".
 *
 * @param upperWrite R/W of the upper entry; likewise U/S, XD, and those of the leaf
 * @param present P of the leaf
 * @param ac EFLAGS.AC
 * @param user the access is made at CPL 3
 * @param key what PKRU says of the page's key: bit 0 access disabled, bit 1 writes disabled
 */
record PageRights(
        boolean upperWrite,
        boolean upperUser,
        boolean upperNx,
        boolean leafWrite,
        boolean leafUser,
        boolean leafNx,
        boolean present,
        boolean wp,
        boolean smep,
        boolean smap,
        boolean ac,
        Kind kind,
        boolean user,
        int key) {
    /** Kinds of access. */
    enum Kind {
        READ,
        WRITE,
        FETCH
    }

    /**
     * The #PF error code, or -1 where the access is permitted. EFER.NXE is set.
     *
     * @param executeDisable the entries have the bit; without it, and without SMEP, the code does not tell fetches
     */
    int errorCode(boolean executeDisable) {
        boolean tells = kind == Kind.FETCH && (executeDisable || smep);
        int base = (kind == Kind.WRITE ? 2 : 0) | (user ? 4 : 0) | (tells ? 16 : 0);
        if (!present) {
            return base;
        }
        boolean userPage = upperUser && leafUser;
        boolean keyRefuses = userPage && refusedByKey();
        if (!refusedByRights(userPage) && !keyRefuses) {
            return -1;
        }
        return base | 1 | (keyRefuses ? 32 : 0);
    }

    private boolean refusedByRights(boolean userPage) {
        if (user && !userPage) {
            return true;
        }
        if (kind == Kind.FETCH) {
            return upperNx || leafNx || (!user && userPage && smep);
        }
        if (!user && userPage && smap && !ac) {
            return true;
        }
        boolean writable = upperWrite && leafWrite;
        return kind == Kind.WRITE && !writable && (user || wp);
    }

    private boolean refusedByKey() {
        if (kind == Kind.FETCH) {
            return false;
        }
        boolean accessDisabled = (key & 1) != 0;
        boolean writeDisabled = (key & 2) != 0;
        return accessDisabled || (kind == Kind.WRITE && writeDisabled && (user || wp));
    }
}
