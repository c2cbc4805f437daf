// For the type checker: what scripts/proxy/rendering.py writes into settings.json.
declare const settings: {
    name: string;
    version: string;
    access_log: string;
    management_log: string;
    catalogue: string;
    index: string;
    key_file: string;
    management_keys: string;
    management_url: string;
    model_store: string;
    metrics_url: string;
    predict_timeout: number;
    client_requests: number;
    rate_limit: number;
    load_timeout: number;
};
