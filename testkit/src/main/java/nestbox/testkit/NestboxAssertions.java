package nestbox.testkit;

/** Where assertions on runs begin, beside AssertJ's own. */
public final class NestboxAssertions {
    private NestboxAssertions() {}

    public static LabAssert assertThat(LabRun run) {
        return new LabAssert(run);
    }
}
