package nestbox.machine.device;

import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.List;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.mmu.memory.MmioHandler;
import nestbox.mmu.memory.PhysicalMemory;

/**
 * A0000h to BFFFFh: the video adapter's memory, of which only the text page at B8000h exists, or the RAM behind it as the SMRAM
 * register says (Intel 440FX data sheet, "SMRAM - System Management RAM Control Register"). Of a VGA there is nothing else: its
 * ports 3B0h to 3DFh are absent on purpose.
 */
public final class VideoWindow implements MmioHandler, Stateful {
    /** Offset of the SMRAM register in the host bridge's configuration space. */
    public static final int SMRAM = 0x72;

    public static final int SMRAM_OPEN = 1 << 6;
    public static final int SMRAM_CLOSED = 1 << 5;
    public static final int SMRAM_LOCKED = 1 << 4;
    public static final int SMRAM_ENABLED = 1 << 3;
    /** The only place for compatible SMRAM, A0000h. */
    public static final int SMRAM_BASE = 2;

    private static final long START = 0xa0000;
    private static final int LENGTH = 0x20000;
    private static final int TEXT = 0x18000;
    private static final int TEXT_BYTES = 0x8000;
    private static final int COLUMNS = 80;
    private static final int LINES = 25;
    private static final Charset CODE_PAGE = Charset.forName("IBM437");

    /** Whether the processor whose access this is runs in system management mode. */
    @FunctionalInterface
    public interface ManagementMode {
        boolean active();
    }

    private final PhysicalMemory memory;
    private final ManagementMode mode;
    private final byte[] text;
    private int smram = SMRAM_BASE;

    /** @param screen whether there is a text page */
    public VideoWindow(PhysicalMemory memory, ManagementMode mode, boolean screen) {
        this.memory = memory;
        this.mode = mode;
        text = new byte[screen ? TEXT_BYTES : 0];
        memory.mapRam(START, LENGTH);
        memory.mapMmio(START, LENGTH, this);
    }

    /** The SMRAM register's value. */
    public void setSmram(int value) {
        smram = value;
    }

    /** D_CLS hides SMRAM from data accesses in SMM; code is not told from data here, so that it hides both. */
    private boolean ram() {
        if ((smram & SMRAM_ENABLED) == 0) {
            return false;
        }
        return (smram & SMRAM_OPEN) != 0 || (mode.active() && (smram & SMRAM_CLOSED) == 0);
    }

    @Override
    public long read(long offset, int size) {
        if (ram()) {
            return memory.readUnder(this, START + offset, size);
        }
        long value = 0;
        for (int i = 0; i < size; i++) {
            int at = (int) offset + i - TEXT;
            long one = at >= 0 && at < text.length ? text[at] & 0xff : 0xff;
            value |= one << (8 * i);
        }
        return value;
    }

    @Override
    public void write(long offset, int size, long value) {
        if (ram()) {
            memory.writeUnder(this, START + offset, size, value);
            return;
        }
        for (int i = 0; i < size; i++) {
            int at = (int) offset + i - TEXT;
            if (at >= 0 && at < text.length) {
                text[at] = (byte) (value >>> (8 * i));
            }
        }
    }

    /** The lines of the text screen without trailing blanks; none without a screen. */
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        for (int line = 0; line < LINES && text.length > 0; line++) {
            byte[] characters = new byte[COLUMNS];
            for (int i = 0; i < COLUMNS; i++) {
                byte c = text[2 * (line * COLUMNS + i)];
                characters[i] = c >= 0 && c < ' ' ? (byte) ' ' : c;
            }
            lines.add(new String(characters, CODE_PAGE).stripTrailing());
        }
        return lines;
    }

    @Override
    public void save(StateWriter out) {
        out.section("video").writeInt(smram).writeBytes(text, 0, text.length);
    }

    @Override
    public void restore(StateReader in) {
        in.section("video");
        smram = in.readInt();
        in.readBytes(text, 0, text.length);
    }
}
