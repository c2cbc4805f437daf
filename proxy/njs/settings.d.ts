// For the type checker: what scripts/proxy/rendering.py writes into settings.json.
declare const settings: {
    name: string;
    version: string;
    access_log: string;
    management_log: string;
    log_probe: string;
    catalogue: string;
    closing: string;
    index: string;
    key_file: string;
    management_keys: string;
    api_keys: string;
    inference_url: string;
    management_url: string;
    model_store: string;
    supervision: string;
    metrics_url: string;
    max_faces: number;
    max_workers: number;
    predict_timeout: number;
    client_requests: number;
    rate_limit: number;
    ready_when: string;
    stand_ins_allowed: boolean;
    load_timeout: number;
};
