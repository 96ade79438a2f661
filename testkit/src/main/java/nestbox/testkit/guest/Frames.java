package nestbox.testkit.guest;

import java.util.ArrayList;
import java.util.List;

/** The guest's memory that blocks take: 4-KiB frames from {@value #FIRST} up, and what is to stand in them at the start. */
final class Frames {
    static final int BYTES = 0x1000;
    static final long FIRST = 0x200000;

    private final StringBuilder names = new StringBuilder();
    private final List<Preset> presets = new ArrayList<>();
    private long next = FIRST;

    /**
     * A run of equal or evenly rising numbers in memory.
     *
     * @param value the first, as the assembler takes it: a number or an expression of labels
     */
    record Preset(long address, int count, int bytes, String value, long step) {}

    /** A frame with a label. */
    long take(String label) {
        long frame = take();
        name(label, frame);
        return frame;
    }

    long take() {
        long frame = next;
        next += BYTES;
        return frame;
    }

    /** A frame that the machine's memory has for itself in 2 MiB, so that large pages can map it. */
    long takeLarge(String label) {
        next = next + 0x1fffff & -0x200000;
        long frame = next;
        next += 0x200000;
        name(label, frame);
        return frame;
    }

    void name(String label, long address) {
        names.append(label).append(" equ ").append(hex(address)).append('\n');
    }

    void preset(long address, int bytes, String value) {
        presets.add(new Preset(address, 1, bytes, value, 0));
    }

    void preset(long address, int count, int bytes, long value, long step) {
        presets.add(new Preset(address, count, bytes, hex(value), step));
    }

    static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }

    /** Labels as equates, and the table that start.asm works through. */
    String source() {
        StringBuilder text = new StringBuilder(names);
        text.append("first_frame equ ").append(hex(FIRST)).append('\n');
        text.append("end_of_frames equ ").append(hex(next)).append('\n');
        text.append("        align 8\npresets:\n");
        for (Preset preset : presets) {
            text.append("        dd ")
                    .append(hex(preset.address))
                    .append(", ")
                    .append(preset.count)
                    .append(", ")
                    .append(preset.bytes)
                    .append(", 0\n        dq ")
                    .append(preset.value)
                    .append(", ")
                    .append(hex(preset.step))
                    .append('\n');
        }
        return text.append("        dd 0\n").toString();
    }
}
