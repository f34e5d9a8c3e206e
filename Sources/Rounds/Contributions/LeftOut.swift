import Tensor

/// What becomes of a contribution that no version listed: its values go back into the residual, so that the next
/// contribution sends them again (error feedback, Seide et al. 2014).
public enum LeftOut {
    /// Streams `residual` plus the payload's values into `nextResidual`, a segment in memory at a time.
    ///
    /// The sum is float32 and concerns this site alone: no other member compares it.
    public static func restore(
        _ payload: any PayloadReader, profile: CodecProfile, layout: ParameterLayout, residual: some ParameterSource,
        nextResidual: some ParameterSink
    ) throws(EncodingError) {
        let contribution: Contribution
        do throws(CodecError) {
            contribution = try Contribution(payload: payload, layout: layout, profile: profile)
        } catch {
            throw .codec(error)
        }
        try ContributionEncoder.restore(contribution, residual: residual, nextResidual: nextResidual)
    }
}
