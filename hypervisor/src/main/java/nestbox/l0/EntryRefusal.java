package nestbox.l0;

/**
 * Why a nested entry did not happen.
 *
 * @param step id of the step
 * @param failure how it failed
 * @param number the vendor's: VM-instruction error, exit qualification, or number of the MSR-list entry; 0 for the usual one
 * @param why in words
 */
public record EntryRefusal(String step, EntryFailure failure, long number, String why) {}
