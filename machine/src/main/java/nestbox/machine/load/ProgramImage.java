package nestbox.machine.load;

import java.util.List;
import nestbox.mmu.memory.PhysicalMemory;

/** An image ready to be placed: its pieces and the physical address of its first instruction. */
public record ProgramImage(ImageFile file, List<LoadSegment> segments, long entry) {
    private static final byte[] ZEROS = new byte[0x1000];

    /** First address behind all pieces. */
    public long end() {
        long end = 0;
        for (LoadSegment segment : segments) {
            end = Math.max(end, segment.end());
        }
        return end;
    }

    /** Copies the pieces into RAM below 4 GiB; a piece that does not fit is refused and nothing is written. */
    public void place(PhysicalMemory memory) {
        for (LoadSegment segment : segments) {
            checkRam(memory, segment);
        }
        for (LoadSegment segment : segments) {
            memory.copyIn(segment.physical(), file.bytes(), (int) segment.fileOffset(), (int) segment.fileBytes());
            for (long at = segment.physical() + segment.fileBytes(); at < segment.end(); at += ZEROS.length) {
                memory.copyIn(at, ZEROS, 0, (int) Math.min(ZEROS.length, segment.end() - at));
            }
        }
    }

    private void checkRam(PhysicalMemory memory, LoadSegment segment) {
        long last = segment.physical() + segment.memoryBytes() - 1;
        if (segment.physical() < 0 || last < segment.physical() || last > 0xffffffffL) {
            throw file.bad(
                    segment.field(), "segment", String.format("%#x..%#x is beyond 4 GiB", segment.physical(), last));
        }
        for (long page = segment.physical() >>> 12; page <= last >>> 12; page++) {
            if (memory.kindOf(page << 12) != PhysicalMemory.Kind.RAM) {
                throw file.bad(
                        segment.field(),
                        "segment",
                        String.format("%#x..%#x does not lie in RAM (at %#x)", segment.physical(), last, page << 12));
            }
        }
    }
}
