package nestbox.machine;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import nestbox.core.StateWriter;
import nestbox.mmu.memory.PhysicalMemory;

/** SHA-256 of a machine's state, in hexadecimal digits. */
final class StateDigest {
    private StateDigest() {}

    /** @param state everything but memory */
    static String of(StateWriter state, PhysicalMemory memory) {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            sha.update(state.toByteArray());
            memory.visitContents((physical, data) -> {
                sha.update(ByteBuffer.allocate(8).putLong(0, physical));
                sha.update(data);
            });
            return HexFormat.of().formatHex(sha.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
