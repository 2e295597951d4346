//! The request behind each call to the engine: told in the call's headers, and traced.

use telemetry::{origin::Origin, trace::SPANS};
use temporalio_client::{
    ClientInterceptor, Next, SignalWithStartWorkflowInput, SignalWorkflowInput, StartWorkflowInput,
    StartWorkflowOutput, StartWorkflowUpdateInput, StartWorkflowUpdateOutput, UpdateWithStartWorkflowInput,
    UpdateWithStartWorkflowOutput,
    errors::{WorkflowInteractionError, WorkflowStartError, WorkflowUpdateError, WorkflowUpdateWithStartError},
};
use temporalio_common::protos::temporal::api::common::v1::{Header, Payload};
use tracing::{Instrument, Span, error_span};

/// Around every call to the engine that leads to something.
///
/// The workflows hand the headers on to their steps, see `workflows::carried`.
pub(crate) struct TellsOrigin;

/// The boxed answer of a call, as the client wants it.
type Answer<'a, T, E> = std::pin::Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

fn span(call: &str, what: &str, workflow: &str) -> Span {
    let name = format!("{call} {what}");
    error_span!(target: SPANS, "engine", otel.name = name, otel.kind = "client", workflow_id = workflow)
}

/// Add what runs now to the headers of a call that `span` is.
fn tell(span: &Span, header: &mut Option<Header>) {
    let headers = span.in_scope(|| Origin::current().headers());
    if headers.is_empty() {
        return;
    }
    let fields = &mut header.get_or_insert_default().fields;
    for (name, json) in headers {
        let payload = Payload {
            metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
            data: json.into_bytes(),
            ..Payload::default()
        };
        fields.insert(name.to_owned(), payload);
    }
}

impl ClientInterceptor for TellsOrigin {
    fn start_workflow<'a>(
        &'a self,
        mut input: StartWorkflowInput,
        next: Next<'a, StartWorkflowInput, Answer<'a, StartWorkflowOutput, WorkflowStartError>>,
    ) -> Answer<'a, StartWorkflowOutput, WorkflowStartError> {
        let span = span("start", &input.workflow_type, &input.options.workflow_id);
        tell(&span, &mut input.options.header);
        Box::pin(next.run(input).instrument(span))
    }

    fn signal_with_start_workflow<'a>(
        &'a self,
        mut input: SignalWithStartWorkflowInput,
        next: Next<'a, SignalWithStartWorkflowInput, Answer<'a, StartWorkflowOutput, WorkflowStartError>>,
    ) -> Answer<'a, StartWorkflowOutput, WorkflowStartError> {
        let span = span("signal", &input.signal_name, &input.options.workflow_id);
        tell(&span, &mut input.options.header);
        Box::pin(next.run(input).instrument(span))
    }

    fn signal_workflow<'a>(
        &'a self,
        mut input: SignalWorkflowInput,
        next: Next<'a, SignalWorkflowInput, Answer<'a, (), WorkflowInteractionError>>,
    ) -> Answer<'a, (), WorkflowInteractionError> {
        let span = span("signal", &input.signal_name, &input.workflow_id);
        tell(&span, &mut input.options.header);
        Box::pin(next.run(input).instrument(span))
    }

    fn start_workflow_update<'a>(
        &'a self,
        mut input: StartWorkflowUpdateInput,
        next: Next<'a, StartWorkflowUpdateInput, Answer<'a, StartWorkflowUpdateOutput, WorkflowUpdateError>>,
    ) -> Answer<'a, StartWorkflowUpdateOutput, WorkflowUpdateError> {
        let span = span("update", &input.update_name, &input.workflow_id);
        tell(&span, &mut input.options.header);
        Box::pin(next.run(input).instrument(span))
    }

    fn update_with_start_workflow<'a>(
        &'a self,
        mut input: UpdateWithStartWorkflowInput,
        next: Next<
            'a,
            UpdateWithStartWorkflowInput,
            Answer<'a, UpdateWithStartWorkflowOutput, WorkflowUpdateWithStartError>,
        >,
    ) -> Answer<'a, UpdateWithStartWorkflowOutput, WorkflowUpdateWithStartError> {
        let span = span("start and update", &input.workflow_type, &input.options.workflow_id);
        tell(&span, &mut input.options.start_header);
        tell(&span, &mut input.options.update_header);
        Box::pin(next.run(input).instrument(span))
    }
}
