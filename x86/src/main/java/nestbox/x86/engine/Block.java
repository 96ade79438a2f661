package nestbox.x86.engine;

/** A straight run of decoded instructions in one physical page, for one mode. */
final class Block {
    final long physical;
    final int modeKey;
    final Op[] code;
    /** Bytes that it covers. */
    final int bytes;
    /** False once its code was overwritten. */
    boolean valid = true;

    /** Two links to following blocks, each good while its epoch is the memory's {@code fetchEpoch}. */
    long epochA = -1;

    long ripA;
    Block linkA;
    long epochB = -1;
    long ripB;
    Block linkB;

    Block(long physical, int modeKey, Op[] code, int bytes) {
        this.physical = physical;
        this.modeKey = modeKey;
        this.code = code;
        this.bytes = bytes;
    }

    /** Links this block to the one that followed it at {@code rip}. */
    void link(Block to, long rip, long epoch) {
        if (epochA != epoch) {
            epochA = epoch;
            ripA = rip;
            linkA = to;
        } else {
            epochB = epoch;
            ripB = rip;
            linkB = to;
        }
    }
}
