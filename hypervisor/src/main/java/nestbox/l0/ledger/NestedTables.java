package nestbox.l0.ledger;

/** EPT12 or NPT12. */
public final class NestedTables {
    private final GuestPaging paging;

    private NestedTables(GuestPaging paging) {
        this.paging = paging;
    }

    static NestedTables ept(long eptp) {
        return new NestedTables(GuestPaging.ofEpt(eptp));
    }

    static NestedTables npt(long ncr3, long hostCr4, long hostEfer) {
        return new NestedTables(GuestPaging.ofNpt(ncr3, hostCr4, hostEfer));
    }

    GuestPaging paging() {
        return paging;
    }
}
