package nestbox.l0.ledger;

/**
 * Whose translations a processor uses: L1's own, or those of an L2 that L1 runs.
 *
 * @param tag 0 for L1 and for an L2 without VPID, else the VPID or ASID that L1 has given it
 * @param second L1's nested tables, or null
 * @param secondTagged translations of other nested tables are told apart (EP4TA); AMD's are by ASID alone
 */
public record World(long tag, NestedTables second, boolean secondTagged) {
    /** L1 itself. */
    public static final World L1 = new World(0, null, false);

    /** An L2 of VMX; {@code eptp} is 0 without EPT. */
    public static World vmx(long vpid, long eptp) {
        return new World(vpid, eptp == 0 ? null : NestedTables.ept(eptp), true);
    }

    /** An L2 of SVM without nested paging. */
    public static World svm(long asid) {
        return new World(asid, null, false);
    }

    /** An L2 of SVM with nested paging in L1's format. */
    public static World svm(long asid, long ncr3, long hostCr4, long hostEfer) {
        return new World(asid, NestedTables.npt(ncr3, hostCr4, hostEfer), false);
    }

    /** Whether what was cached in another world may be used in this one. */
    boolean shares(World other) {
        return tag == other.tag && (!secondTagged || root() == other.root());
    }

    /** Address of the nested tables, -1 without. */
    long root() {
        return second == null ? -1 : second.paging().root();
    }
}
