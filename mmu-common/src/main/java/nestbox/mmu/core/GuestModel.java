package nestbox.mmu.core;

/**
 * What of the guest's CPU model bears on paging.
 *
 * @param physBits MAXPHYADDR that the guest is told
 * @param amd bit 8 of a PML4E is reserved, EPT12 never occurs
 * @param pse36 4-MByte pages above 4 GiB
 * @param gigabytePages 1-GByte pages in 4- and 5-level paging
 * @param protectionKeys PKU or PKS
 * @param eptExecuteOnly EPT12 may map execute-only pages
 * @param eptLargePages EPT12 may map 2-MByte pages
 * @param eptGigabytePages EPT12 may map 1-GByte pages
 */
public record GuestModel(
        int physBits,
        boolean amd,
        boolean pse36,
        boolean gigabytePages,
        boolean protectionKeys,
        boolean eptExecuteOnly,
        boolean eptLargePages,
        boolean eptGigabytePages) {
    public static GuestModel intel(int physBits) {
        return new GuestModel(physBits, false, true, true, false, true, true, true);
    }

    public static GuestModel amd(int physBits) {
        return new GuestModel(physBits, true, true, true, false, false, false, false);
    }
}
