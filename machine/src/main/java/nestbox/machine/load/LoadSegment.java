package nestbox.machine.load;

/**
 * A piece of an image: {@code fileBytes} bytes of the file at {@code fileOffset} go to {@code physical}, zeros follow up to
 * {@code memoryBytes}. {@code field} is where in the file the piece was described, for refusals.
 */
public record LoadSegment(long fileOffset, long fileBytes, long physical, long memoryBytes, long field) {
    public long end() {
        return physical + memoryBytes;
    }
}
